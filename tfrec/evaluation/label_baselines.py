"""Baselines for ranking models: the mean label, and user and item biases."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tfrec.data import Examples


class MeanLabel:
    """Predicts the mean label of the training rows for every row.

    Example:
        >>> table = Examples.from_pandas(pd.DataFrame({"y": [0, 0, 1, 1]}), label="y")
        >>> MeanLabel(table).predict(table).tolist()
        [0.5, 0.5, 0.5, 0.5]
    """

    name = "mean"

    def __init__(self, train: Examples) -> None:
        self._mean = train.labels.mean(dtype=np.float64)

    def predict(self, data: Examples) -> np.ndarray:
        """(N,) float64."""
        return np.full(len(data), self._mean)


class Biases:
    """The mean label plus an item and a user bias, both damped towards 0.

    `b[i] = sum of (r - mean) / (n[i] + damping)`, `b[u] = sum of (r - mean - b[i]) / (n[u] + damping)`. Predictions are
    clipped to the range of the training labels.

    Args:
        train: rows with users or items.
        damping: number of additional pseudo-rows at the mean.

    Reference:
        Koren, "Factor in the Neighbors: Scalable and Accurate Collaborative Filtering", TKDD 2010, its baseline
        estimates.
    """

    name = "biases"

    def __init__(self, train: Examples, damping: float = 10.0) -> None:
        self._mean = train.labels.mean(dtype=np.float64)
        self._range = float(train.labels.min()), float(train.labels.max())
        rest = train.labels - self._mean
        self._of: dict[str, pd.Series] = {}
        for role in ("item", "user"):
            codes, ids = getattr(train, f"{role}_codes"), getattr(train, f"{role}_ids")
            if codes is None:
                continue
            sums = np.bincount(codes, rest, minlength=len(ids))
            bias = sums / (np.bincount(codes, minlength=len(ids)) + damping)
            self._of[role] = pd.Series(bias, index=ids)
            rest = rest - bias[codes]

    def predict(self, data: Examples) -> np.ndarray:
        """(N,) float64; new users and items have a bias of 0."""
        found = np.full(len(data), self._mean)
        for role, biases in self._of.items():
            codes, ids = getattr(data, f"{role}_codes"), getattr(data, f"{role}_ids")
            if codes is not None:
                found = found + biases.reindex(ids).fillna(0.0).to_numpy()[codes]
        return np.clip(found, *self._range)


def label_baselines(train: Examples) -> list[MeanLabel | Biases]:
    """The baselines that apply to these rows: biases need users or items."""
    has_ids = train.user_codes is not None or train.item_codes is not None
    return [MeanLabel(train), *([Biases(train)] if has_ids else [])]
