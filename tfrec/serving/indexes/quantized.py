"""Candidates from int8 vectors, ranked with float32 vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN, Index
from tfrec.serving.indexes.index_measurements import measured_recall


class Quantized(Index):
    """Compares a query with every item in int8, then with the best of them in float32.

    ```
    x ~ s round(x / s),  s = max |x| / 127 for each item;  4 K candidates by q . x, then K by the exact scores
    ```

    A query reads the int8 table, a quarter of the size, and the float32 vectors of the candidates.

    Args:
        exact: the exact index of the same items.
        vectors: (V, D) float32, the vectors of `exact`.
        candidates: number of candidates, in multiples of K.
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
        if own is not None:  # a row that needs fewer items has fewer candidates; the others are set to no item
            needed = tf.range(tf.shape(codes)[1]) < self.candidates * own[:, None]
            codes = tf.where(needed, codes, self.num_items)
        codes = tf.sort(codes, axis=1)  # equal scores are ordered by code
        scores = self.exact.scores_of(queries, tf.minimum(codes, self.num_items - 1))
        best, at = block_top_k(tf.where(codes < self.num_items, scores, FORBIDDEN), k)
        return best, tf.where(best > FORBIDDEN, tf.gather(codes, at, batch_dims=1), UNKNOWN)

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        return self.exact.vectors(codes)


def build_index(exact: Exact, queries: np.ndarray, k: int, recall: float) -> tuple[Index, dict[str, Any]]:
    """See `tfrec.serving.indexes.build_index`."""
    index = Quantized(exact, exact.vectors(tf.range(exact.num_items)).numpy())
    wanted = exact.search(tf.constant(queries), tf.constant(k))[1].numpy()
    return index, {"recall": measured_recall(index, queries, wanted)}
