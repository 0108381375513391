"""Baselines for retrieval models: popularity and item-to-item similarity."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from tfrec.data import FeatureSpec, Interactions
from tfrec.data.batches.histories import histories

_RESERVED = 2
_NEWEST = 1000  # items counted per user: a crawler with 50,000 items would give a matrix of 50,000 squared


class Popularity:
    """Ranks items by their count in the training data, the same for all users.

    Args:
        spec: fitted on the training data.

    Example:
        >>> import pandas as pd
        >>> table = Interactions.from_pandas(pd.DataFrame({"u": [1, 2], "i": ["x", "x"]}), user="u", item="i")
        >>> Popularity(FeatureSpec.fit(table)).score({"history": np.array([[2]])}).tolist()
        [[-inf, -inf, 2.0]]
    """

    name = "popularity"

    def __init__(self, spec: FeatureSpec) -> None:
        self._scores = np.concatenate([np.full(_RESERVED, -np.inf), spec.item_counts]).astype(np.float32)

    def score(self, inputs: dict[str, Any]) -> np.ndarray:
        """Count of every id, (B, V + 2) float32."""
        return np.broadcast_to(self._scores, (len(inputs["history"]), len(self._scores)))


class ItemToItem:
    """Scores an item by its cosine with the items of the history, with weights that decay with age.

    `score(i) = sum_n decay^n cos(i, history[-n])`, where the cosine of two items is that of their columns in the
    user-item matrix.

    Args:
        train: training data.
        spec: fitted on it.
        decay: factor between the weight of an item and that of the next newer one.

    Reference:
        Linden, Smith and York, "Amazon.com recommendations: item-to-item collaborative filtering", 2003.
    """

    name = "item-to-item"

    def __init__(self, train: Interactions, spec: FeatureSpec, decay: float = 0.8) -> None:
        ids, starts, ends = histories(train, spec)
        starts = np.maximum(starts, ends - _NEWEST)
        kept = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
        ids = ids[kept]
        rows = np.repeat(np.arange(len(starts)), ends - starts)
        shape = (len(starts), spec.num_items + _RESERVED)
        matrix = scipy.sparse.csr_matrix((np.ones(len(ids), np.float32), (rows, ids)), shape=shape)
        matrix.data[:] = 1.0  # an item counts once per user
        norms = np.sqrt(np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1.0))
        scaled = matrix @ scipy.sparse.diags(1.0 / norms)
        self._cosines = (scaled.T @ scaled).tocsr()
        self._cosines.setdiag(0)
        self._decay = decay

    def score(self, inputs: dict[str, Any]) -> np.ndarray:
        """The score of every id, (B, V + 2) float32."""
        history = np.asarray(inputs["history"])
        batch, length = history.shape
        weights = np.where(history >= _RESERVED, self._decay ** np.arange(length)[::-1], 0).astype(np.float32)
        rows = np.repeat(np.arange(batch), length)
        shape = (batch, self._cosines.shape[0])
        recent = scipy.sparse.csr_matrix((weights.ravel(), (rows, history.ravel())), shape=shape)
        scores = np.asarray((recent @ self._cosines).todense(), dtype=np.float32)
        scores[:, :_RESERVED] = -np.inf
        return scores
