"""The baselines by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfrec.data import FeatureSpec, Interactions
from tfrec.errors import InputError
from tfrec.evaluation.baselines.ease import EASE, check_memory_of_ease
from tfrec.evaluation.baselines.graph_filter import GraphFilter
from tfrec.evaluation.baselines.ials import IALS
from tfrec.evaluation.baselines.item_to_item import ItemToItem
from tfrec.evaluation.baselines.popularity import Popularity
from tfrec.evaluation.baselines.user_knn import UserKNN

_CLASSES = {each.name: each for each in (ItemToItem, UserKNN, GraphFilter, EASE, IALS)}
BASELINES = (Popularity.name, *_CLASSES)
DEFAULT_BASELINES = (Popularity.name, ItemToItem.name)


def check_baselines(names: Iterable[str], num_items: int) -> None:
    """Raise `InputError` if a name is unknown, or if EASE needs more memory for so many items than the machine has.

    Example:
        >>> check_baselines(["popularity", "ease"], num_items=100)  # both are known, and the matrix fits
    """
    for name in names:
        if name not in BASELINES:
            raise InputError(f"Unknown baseline {name!r}: expected {', '.join(BASELINES)}.")
        if name == EASE.name:
            check_memory_of_ease(num_items)


def build_baselines(names: Iterable[str], train: Interactions, spec: FeatureSpec) -> list[Any]:
    """Fit baselines with their default settings, in the given order.

    Args:
        names: from `BASELINES`; a repeated name is built once.
        train: training data.
        spec: fitted on it.

    Raises:
        InputError: if a name is unknown, or a baseline cannot be fitted to the data.

    Example:
        >>> from tfrec.data import generate_world
        >>> train = generate_world(num_users=60, num_items=120)
        >>> [each.name for each in build_baselines(["popularity", "ease"], train, FeatureSpec.fit(train))]
        ['popularity', 'ease']
    """
    names = list(dict.fromkeys(names))
    check_baselines(names, spec.num_items)
    return [Popularity(spec) if name == Popularity.name else _CLASSES[name](train, spec) for name in names]
