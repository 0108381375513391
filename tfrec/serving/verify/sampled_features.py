"""Random values of features, and lists as rectangles, for requests that verify an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfrec.data.features import Feature
from tfrec.serving.graph.raw_features import input_names

_ODD = ["", "no such value", "Größe, 日本 🎬", " ", "7.0", "a\nb"]


def sampled(features: Sequence[Feature], rows: int, random: np.random.Generator) -> dict[str, list[Any]]:
    """Input name -> raw values for `rows` rows; a quarter of them missing, unseen or odd."""
    names = input_names(features)
    return {names[one.column]: _values(one, rows, random) for one in features}


def by_column(features: Sequence[Feature], inputs: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The raw values of a call as in a DataFrame: column -> one value per row."""
    names = input_names(features)
    return {one.column: list(inputs[names[one.column]]) for one in features if names[one.column] in inputs}


def _values(feature: Feature, rows: int, random: np.random.Generator) -> list[Any]:
    odd = random.random(rows) < 0.25
    if feature.kind == "numeric":
        mean, wide = feature.mean or 0.0, feature.deviation or 1.0
        drawn = random.normal(mean, 2 * wide, rows)
        drawn = np.sign(drawn) * np.expm1(np.minimum(np.abs(drawn), 60)) if feature.scaling == "log" else drawn
        drawn[odd] = random.choice([np.nan, np.inf, -np.inf, 0.0, 1e30, mean], int(odd.sum()))
        return drawn.astype(np.float32).tolist()
    if feature.kind == "vector":
        drawn = random.normal(0, 1, (rows, feature.dim)).astype(np.float32)
        drawn[odd, random.integers(0, feature.dim)] = np.nan
        return drawn.tolist()
    known = [] if feature.tokens.vocabulary is None else feature.tokens.vocabulary.tokens[:5_000].tolist()

    def one(is_odd: bool) -> str:
        return str(random.choice(_ODD if is_odd or not known else known))

    if feature.kind == "categorical":
        return [one(is_odd) for is_odd in odd]
    lengths = random.integers(0, feature.max_values + 3, rows)
    return rectangle([[one(random.random() < 0.2) for _ in range(length)] for length in lengths])


def rectangle(rows: Sequence[Sequence], padding: object = "") -> list[list]:
    """Rows padded on the right to the same length."""
    width = max([1, *map(len, rows)])
    return [[*row, *[padding] * (width - len(row))] for row in rows]
