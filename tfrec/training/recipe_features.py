"""The table `[features]` of a recipe: of a ranking model, or of a retrieval model that reads features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfrec.data import Categorical, Examples, FeatureSpec, Interactions, MultiValued, Numeric, Vector
from tfrec.data.features import Feature
from tfrec.data.features.fitting import all_features, columns_of, training_values, why_unread
from tfrec.errors import InputError
from tfrec.terminal import printable
from tfrec.training.recipe_file import construct

_KINDS = {kind.kind: kind for kind in (Categorical, MultiValued, Numeric, Vector)}
_COUNTED = {"user": "users", "item": "items", "context": "rows"}


def check_features(entries: Mapping[str, Any]) -> None:
    """Raise `InputError` if an entry is not a table {"kind": ..., further arguments}."""
    for name, entry in entries.items():
        if not isinstance(entry, Mapping) or entry.get("kind") not in (*_KINDS, "skip"):
            raise InputError(
                f"The recipe's features.{name} must be a table with kind = one of {', '.join(_KINDS)} or skip, got "
                f"{entry!r}."
            )


def read_features(entries: Mapping[str, Any], train: Examples | Interactions) -> list[Feature] | None:
    """The features that a recipe names, or all features except skipped ones; None if it has no entries.

    Raises:
        InputError: if it both names and skips features, an argument is invalid, or a skipped feature does not exist.
    """
    named = {
        name: construct(_KINDS[entry["kind"]], {"column": name, **_without_kind(entry)}, f"features.{name}")
        for name, entry in entries.items()
        if entry["kind"] != "skip"
    }
    skipped = [name for name in entries if name not in named]
    if named and skipped:
        raise InputError("The recipe's [features] must either name features or skip some of all features, not both.")
    if named or not skipped:
        return list(named.values()) or None
    found = all_features(train)
    known = [
        column for group in _COUNTED for column in columns_of(train, group)
    ]  # including columns that are not read anyway
    unknown = [name for name in skipped if name not in known]
    if unknown:
        raise InputError(f"The recipe skips '{unknown[0]}', but the features are {', '.join(known)}.")
    return [feature for feature in found if feature.column not in skipped]


def describe_features(spec: FeatureSpec, train: Examples | Interactions) -> str:
    """Describe the features that a model reads, their missing values, and the columns that it does not read."""
    read = [f"{one.column} ({one.kind}{_missing(one, spec, train)})" for one in spec.features]
    read += ["item"] if spec.num_items else []
    read += [f"a history of {spec.history.length}"] if spec.history is not None else []
    lines = [f"features            {', '.join(read)}"]
    lines += [f"not read            {', '.join(of)}: {why}" for why, of in why_unread(train, spec.features).items()]
    return "\n".join(map(printable, lines)) + "\n"


def _missing(feature: Feature, spec: FeatureSpec, train: Examples | Interactions) -> str:
    """The number of missing values as text: empty cells and, for numeric columns, texts and infinities."""
    cells = feature.encode(training_values(train, feature, spec.counts_by_item())).reshape(-1, *feature.width)
    absent = feature.absent(1)
    same = (cells == absent) | ((cells != cells) & (absent != absent))
    number = int(same.reshape(len(cells), -1).all(axis=1).sum()) if len(cells) else 0
    return f", missing in {number:,} of {len(cells):,} {_COUNTED[feature.group]}" if number else ""


def _without_kind(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "kind"}
