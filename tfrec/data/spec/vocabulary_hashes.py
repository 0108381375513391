"""Hashes of a spec's vocabularies: equal hashes mean that ids have the same meaning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tfrec.data.features import Feature
from tfrec.data.features.vocabulary import Vocabulary

_Data = TypeVar("_Data")


def vocabulary_hashes(
    items: Vocabulary, features: Iterable[Feature], label_levels: Sequence[float], users: Vocabulary | None = None
) -> dict[str, str]:
    """Hashes by name: "item" and "user" for the vocabularies, one per feature, "history_label" for the label levels.

    The hash of a feature covers all its fitted parameters: vocabulary, buckets, mean.

    Example:
        >>> one, other = (vocabulary_hashes(Vocabulary(ids), (), ()) for ids in (["a", "b"], ["b", "a"]))
        >>> list(one), one == other
        (['item'], False)
    """
    found = {feature.column: _of_feature(feature) for feature in features}
    if len(items):
        found["item"] = _digest(items.tokens)
    if users is not None:
        found["user"] = _digest(users.tokens)
    if label_levels:
        found["history_label"] = _digest(map(repr, map(float, label_levels)))
    return found


def with_vocabulary(batches: _Data, hashes: Mapping[str, str], held_back: bool = False) -> _Data:
    """Attach the hashes to a dataset and return it; see `tfrec.models.Recommender`.

    Args:
        batches: the dataset.
        hashes: of the vocabularies of its ids.
        held_back: whether its rows are those of a holdout, on which `fit` warns.
    """
    batches.tfrec_vocabulary = hashes
    if held_back:
        batches.tfrec_held_back = True
    return batches


def _of_feature(feature: Feature) -> str:
    tokens: Any = getattr(getattr(feature, "tokens", None), "vocabulary", None)
    own = json.dumps(feature.to_json(), sort_keys=True, default=repr)
    return _digest([own, *([] if tokens is None else tokens.tokens)])


def _digest(texts: Iterable[str]) -> str:
    # Tokens never hold line breaks.
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
