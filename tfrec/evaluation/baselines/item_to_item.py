"""A baseline of item-to-item similarity."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from tfrec.data import FeatureSpec, Interactions
from tfrec.data.batches.histories import histories
from tfrec.evaluation.baselines.user_items import history_items, with_fallback
from tfrec.evaluation.settings import check_positive
from tfrec.reserved_ids import RESERVED_IDS

_NEWEST = 1000  # items counted per user: a crawler with 50,000 items would give a matrix of 50,000 squared


class ItemToItem:
    """Scores an item by its cosine with the items of the history, with weights that decay with age.

    `score(i) = sum_n decay^n cos(i, history[-n])`, where the cosine of two items is that of their columns in the
    user-item matrix. An empty history gets the popularity ranking.

    Args:
        train: training data.
        spec: fitted on it.
        decay: factor between the weight of an item and that of the next newer one.

    Reference:
        Linden, Smith and York, "Amazon.com recommendations: item-to-item collaborative filtering", 2003.
    """

    name = "item-to-item"

    def __init__(self, train: Interactions, spec: FeatureSpec, decay: float = 0.8) -> None:
        check_positive(decay=decay)
        ids, starts, ends = histories(train, spec)
        starts = np.maximum(starts, ends - _NEWEST)
        kept = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
        ids = ids[kept]
        rows = np.repeat(np.arange(len(starts)), ends - starts)
        shape = (len(starts), spec.num_items + RESERVED_IDS)
        matrix = scipy.sparse.csr_matrix((np.ones(len(ids), np.float32), (rows, ids)), shape=shape)
        matrix.data[:] = 1.0  # an item counts once per user
        norms = np.sqrt(np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1.0))
        scaled = matrix @ scipy.sparse.diags(1.0 / norms)
        self._cosines = (scaled.T @ scaled).tocsr()
        self._cosines.setdiag(0)
        self._decay = decay
        self._popularity = np.asarray(spec.item_counts, np.float32)

    def score(self, inputs: dict[str, Any]) -> np.ndarray:
        """The score of every id, (B, V + 2) float32."""
        history = np.asarray(inputs["history"])
        batch, length = history.shape
        weights = np.where(history >= RESERVED_IDS, self._decay ** np.arange(length)[::-1], 0).astype(np.float32)
        rows = np.repeat(np.arange(batch), length)
        shape = (batch, self._cosines.shape[0])
        recent = scipy.sparse.csr_matrix((weights.ravel(), (rows, history.ravel())), shape=shape)
        scores = (recent @ self._cosines).toarray()
        return with_fallback(
            scores[:, RESERVED_IDS:], history_items(history, scores.shape[1] - RESERVED_IDS), self._popularity
        )
