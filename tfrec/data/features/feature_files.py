"""Save and load features: JSON, and one file per vocabulary."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfrec.data.features.categorical import Categorical
from tfrec.data.features.feature import Feature
from tfrec.data.features.multivalued import MultiValued
from tfrec.data.features.numeric import Numeric
from tfrec.data.features.tokens import Tokens
from tfrec.data.features.vector import Vector
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.errors import InputError

_KINDS = {kind.kind: kind for kind in (Categorical, Numeric, MultiValued, Vector)}


def vocabulary_file(folder: Path, number: int) -> Path:
    """The file of a feature's vocabulary, by number, because column names must not become paths."""
    return folder / "vocabularies" / f"feature_{number}.txt"


def save_features(features: Sequence[Feature], folder: Path) -> list[dict[str, Any]]:
    """Write the vocabularies; returns the other parameters as JSON."""
    for number, feature in enumerate(features):
        tokens = getattr(feature, "tokens", None)
        if tokens is not None and tokens.vocabulary is not None:
            tokens.vocabulary.save(vocabulary_file(folder, number))
    return [feature.to_json() for feature in features]


def load_features(entries: Sequence[Mapping[str, Any]], folder: Path) -> tuple[Feature, ...]:
    """Read what `save_features` wrote.

    Raises:
        InputError: if an entry has an unknown kind or key.
    """
    return tuple(_load(dict(entry), folder, number) for number, entry in enumerate(entries))


def _load(entry: dict[str, Any], folder: Path, number: int) -> Feature:
    kind = _KINDS.get(entry.pop("kind", None))
    known = {field.name for field in dataclasses.fields(kind)} - {"tokens"} if kind else set()
    if kind is None or set(entry) - known or "column" not in entry:
        raise InputError(f"The spec has a feature of unknown kind or with unknown keys: {entry!r}.")
    if "tokens" in {field.name for field in dataclasses.fields(kind)}:
        buckets = entry.get("hash_buckets")
        vocabulary = None if buckets else Vocabulary.load(vocabulary_file(folder, number))
        entry["tokens"] = Tokens(vocabulary, buckets)
    return kind(**entry)
