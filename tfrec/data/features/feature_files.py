"""Features on disk: JSON, and a vocabulary file for each that has one."""

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
    """Where the vocabulary of the feature of a number lies: no column's name becomes a path."""
    return folder / "vocabularies" / f"feature_{number}.txt"


def save_features(features: Sequence[Feature], folder: Path) -> list[dict[str, Any]]:
    """Write the vocabularies and give the JSON of the rest."""
    for number, feature in enumerate(features):
        tokens = getattr(feature, "tokens", None)
        if tokens is not None and tokens.vocabulary is not None:
            tokens.vocabulary.save(vocabulary_file(folder, number))
    return [feature.to_json() for feature in features]


def load_features(entries: Sequence[Mapping[str, Any]], folder: Path) -> tuple[Feature, ...]:
    """What `save_features` wrote.

    Raises:
        InputError: where an entry is of no known kind or has an unknown key.
    """
    return tuple(_load(dict(entry), folder, number) for number, entry in enumerate(entries))


def _load(entry: dict[str, Any], folder: Path, number: int) -> Feature:
    kind = _KINDS.get(entry.pop("kind", None))
    known = {field.name for field in dataclasses.fields(kind)} - {"tokens"} if kind else set()
    if kind is None or set(entry) - known or "column" not in entry:
        raise InputError(f"The spec has a feature that is of no known kind or has unknown keys: {entry!r}.")
    if "tokens" in {field.name for field in dataclasses.fields(kind)}:
        buckets = entry.get("hash_buckets")
        vocabulary = None if buckets else Vocabulary.load(vocabulary_file(folder, number))
        entry["tokens"] = Tokens(vocabulary, buckets)
    return kind(**entry)
