"""Exact search, in chunks of the catalogue."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.index import FORBIDDEN, Index

_CHUNK = 131_072  # items whose scores exist at a time: 16 MiB for a batch of 32


class Exact(Index):
    """Compares a query with every item.

    Args:
        table: (at least `first` + V, D) float32 or int8 variable: rows of items, one behind the other.
        num_items: V.
        first: the row of the first item. A table that the model reads too is not written twice.
        scale: (V,) factors that make vectors of the rows, or None where they are the vectors.
        norms: (V,) factors of the scores alone: 1 / |vector| to compare by cosine.
        withdrawn: (V,) bool of items that are not found, or None.
        chunk: items at a time. What lies in memory at once is B x I x chunk scores, whatever V.
    """

    def __init__(
        self,
        table: tf.Variable,
        num_items: int,
        first: int = 0,
        scale: tf.Tensor | None = None,
        norms: tf.Tensor | None = None,
        withdrawn: np.ndarray | None = None,
        chunk: int = _CHUNK,
    ) -> None:
        super().__init__(name="exact")
        self.table, self.num_items, self.first, self.chunk = table, num_items, first, chunk
        self.scale, self.norms = scale, norms
        some = withdrawn is not None and withdrawn.any()
        self.penalty = tf.constant(np.where(withdrawn, FORBIDDEN, 0), tf.float32) if some else None

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Index`."""
        if self.num_items <= self.chunk:
            return block_top_k(self._scores(queries, 0, self.num_items), k)

        def step(start: tf.Tensor, best: tf.Tensor, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            stop = tf.minimum(start + self.chunk, self.num_items)
            top, at = block_top_k(self._scores(queries, start, stop), tf.minimum(k, stop - start))
            # What was found before stands first, so equal scores keep the order of their codes.
            best, where = tf.math.top_k(tf.concat([best, top], 1), tf.minimum(k, stop))
            return stop, best, tf.gather(tf.concat([codes, at + start], 1), where, batch_dims=1)

        batch = tf.shape(queries)[0]
        nothing = tf.zeros((batch, 0)), tf.zeros((batch, 0), tf.int32)
        free = tf.TensorShape((None, None))
        _, best, codes = tf.while_loop(
            lambda start, *_: start < self.num_items,
            step,
            (0, *nothing),
            shape_invariants=(tf.TensorShape(()), free, free),
            parallel_iterations=1,
        )
        return best, codes

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        """See `Index`."""
        rows = tf.cast(tf.gather(self.table, codes + self.first), tf.float32)
        return rows if self.scale is None else rows * tf.gather(self.scale, codes)[..., None]

    def _scores(self, queries: tf.Tensor, start: tf.Tensor | int, stop: tf.Tensor | int) -> tf.Tensor:
        flat = tf.matmul(tf.reshape(queries, (-1, queries.shape[-1])), self._rows(start, stop), transpose_b=True)
        scores = flat if queries.shape[1] == 1 else tf.reduce_max(self._by_query(flat, queries), axis=1)
        for factors in (self.scale, self.norms):
            scores = scores if factors is None else scores * factors[start:stop]
        return scores if self.penalty is None else scores + self.penalty[start:stop]

    def _rows(self, start: tf.Tensor | int, stop: tf.Tensor | int) -> tf.Tensor:
        # A slice of the first axis is a view: nothing of the table is copied where D is a multiple of 8.
        return tf.cast(self.table[self.first + start : self.first + stop], tf.float32)

    def _by_query(self, flat: tf.Tensor, queries: tf.Tensor) -> tf.Tensor:
        return tf.reshape(flat, (tf.shape(queries)[0], queries.shape[1], tf.shape(flat)[1]))
