"""Candidates from vectors of 8 bits, ranked by those of 32."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN, Index
from tfrec.serving.indexes.index_measurements import measured_recall


class Quantized(Index):
    """Compares a query with every item in int8, and the best of them once more in float32.

    ```
    x ~ s round(x / s),  s = max |x| / 127 for each item;  4 K candidates by q . x, then K by the exact scores
    ```

    What is read for a query is a quarter of the table; the floats are read at the candidates alone.

    Args:
        exact: of the same items.
        vectors: (V, D) float32, what `exact` holds.
        candidates: how many times K are scored once more.
    """

    def __init__(self, exact: Exact, vectors: np.ndarray, candidates: int = 4) -> None:
        super().__init__(name="quantized")
        self.num_items, self.exact, self.candidates = exact.num_items, exact, candidates
        scale = np.maximum(np.abs(vectors).max(1), 1e-12) / 127
        self.table = tf.Variable(np.round(vectors / scale[:, None]).astype(np.int8), trainable=False, name="int8")
        self.rough = Exact(self.table, self.num_items, scale=tf.constant(scale, tf.float32))
        self.rough.penalty = exact.penalty

    def search(self, queries: tf.Tensor, k: tf.Tensor, own: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        _, codes = self.rough.search(queries, tf.minimum(self.candidates * k, self.num_items))
        if own is not None:  # a row that needs fewer has fewer candidates; what it does not need stands behind them
            needed = tf.range(tf.shape(codes)[1]) < self.candidates * own[:, None]
            codes = tf.where(needed, codes, self.num_items)
        codes = tf.sort(codes, axis=1)  # equal scores come in the order of their codes
        scores = self.exact.scores_of(queries, tf.minimum(codes, self.num_items - 1))
        best, at = block_top_k(tf.where(codes < self.num_items, scores, FORBIDDEN), k)
        return best, tf.where(best > FORBIDDEN, tf.gather(codes, at, batch_dims=1), UNKNOWN)

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        return self.exact.vectors(codes)


def build_index(exact: Exact, queries: np.ndarray, k: int, recall: float) -> tuple[Index, dict[str, Any]]:
    """See `tfrec.serving.indexes.build`."""
    index = Quantized(exact, exact.vectors(tf.range(exact.num_items)).numpy())
    wanted = exact.search(tf.constant(queries), tf.constant(k))[1].numpy()
    return index, {"recall": measured_recall(index, queries, wanted)}
