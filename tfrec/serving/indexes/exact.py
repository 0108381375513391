"""Exact search in chunks of the catalogue."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.index import FORBIDDEN, Index

_CHUNK = 32_768  # items that are scored at a time for 32 queries: 4 MiB, which fits into the caches of a processor
_QUERIES = 32
BLOCK = 16
_FEW = 1_024  # up to this K, the best blocks are read a second time


class Exact(Index):
    """Compares a query with every item.

    The K best items are in the K blocks with the highest maxima. So the first pass keeps only the maximum of each block
    of 16 items, and the second pass reads the K best blocks again. In memory are the scores of two chunks and V / 16
    maxima per query.

    Args:
        table: (at least `first` + V, D) float32 or int8 variable with one row per item.
        num_items: V.
        first: row of the first item. It lets the index share the model's own table.
        scale: (V,) factors that turn rows into vectors; None if the rows are the vectors.
        norms: (V,) factors of the scores: 1 / |vector| for cosine similarity.
        withdrawn: (V,) bool, items that are never found; or None.
        chunk: items that are scored at a time for 32 queries; more for fewer queries.
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

    def search(self, queries: tf.Tensor, k: tf.Tensor, own: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        if self.num_items <= self.chunk:
            return block_top_k(self._scores(queries, 0, self.num_items), k)
        return tf.cond(k <= _FEW, lambda: self._by_blocks(queries, k), lambda: self._by_chunks(queries, k))

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        # Read the variable first: after a gather from a variable, TensorFlow copies it on each later read.
        rows = tf.cast(tf.gather(self.table.read_value(), codes + self.first), tf.float32)
        return rows if self.scale is None else rows * tf.gather(self.scale, codes)[..., None]

    def scores_of(self, queries: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
        """The scores that `search` compares: `score`, scaled by `norms`, and -inf for withdrawn items."""
        scores = self.score(queries, codes)
        scores = scores if self.norms is None else scores * tf.gather(self.norms, codes)
        return scores if self.penalty is None else scores + tf.gather(self.penalty, codes)

    def _by_blocks(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        maxima = self._block_maxima(queries)
        number = tf.minimum(k, tf.shape(maxima)[1])
        # Sorted, so that equal scores keep the order of their codes. Items after the last full block are added.
        blocks = tf.sort(block_top_k(maxima, number)[1], axis=1)
        batch = tf.shape(queries)[0]
        codes = tf.reshape(blocks[:, :, None] * BLOCK + tf.range(BLOCK), (batch, -1))
        rest = tf.range(self.num_items - self.num_items % BLOCK, self.num_items)
        codes = tf.concat([codes, tf.tile(rest[None], (batch, 1))], axis=1)
        best, at = tf.math.top_k(self.scores_of(queries, codes), k)
        return best, tf.gather(codes, at, batch_dims=1)

    def _block_maxima(self, queries: tf.Tensor) -> tf.Tensor:
        """(B, I, D) -> (B, V // 16), the highest score of each block."""
        blocks = self.num_items // BLOCK
        rows = tf.shape(queries)[0] * queries.shape[1]
        step = tf.maximum(1, self.chunk * _QUERIES // tf.maximum(rows, 1) // BLOCK)
        parts = tf.TensorArray(
            tf.float32, size=0, dynamic_size=True, infer_shape=False, element_shape=tf.TensorShape((None, None))
        )

        def add(number: tf.Tensor, start: tf.Tensor, parts: tf.TensorArray) -> tuple[tf.Tensor, ...]:
            stop = tf.minimum(start + step, blocks)
            return number + 1, stop, parts.write(number, self._maxima_of(queries, start * BLOCK, stop * BLOCK))

        _, _, parts = tf.while_loop(lambda _, start, __: start < blocks, add, (0, 0, parts), parallel_iterations=2)
        return tf.transpose(parts.concat())

    def _maxima_of(self, queries: tf.Tensor, start: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        """(blocks, B) maxima of the items from `start` to `stop`, which are whole blocks."""
        table, flat = self._rows(start, stop), tf.reshape(queries, (-1, queries.shape[-1]))

        def one() -> tf.Tensor:  # a table times one vector reads faster this way around
            scores = self._finished(tf.matmul(flat, table, transpose_b=True), start, stop)
            return tf.reduce_max(tf.reshape(scores, (-1, BLOCK)), axis=1, keepdims=True)

        def several() -> tf.Tensor:  # and the product of two matrices twice as fast this way
            scores = tf.matmul(table, flat, transpose_b=True)
            if queries.shape[1] > 1:
                scores = tf.reduce_max(tf.reshape(scores, (stop - start, -1, queries.shape[1])), axis=2)
            scores = self._finished(scores, start, stop, down=True)
            return tf.reduce_max(tf.reshape(scores, ((stop - start) // BLOCK, BLOCK, tf.shape(queries)[0])), axis=1)

        return tf.cond(tf.equal(tf.shape(flat)[0], 1), one, several)

    def _by_chunks(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def step(start: tf.Tensor, best: tf.Tensor, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            stop = tf.minimum(start + 4 * self.chunk, self.num_items)
            top, at = block_top_k(self._scores(queries, start, stop), tf.minimum(k, stop - start))
            # Earlier results come first, so equal scores keep the order of their codes.
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

    def _scores(self, queries: tf.Tensor, start: tf.Tensor | int, stop: tf.Tensor | int) -> tf.Tensor:
        flat = tf.matmul(tf.reshape(queries, (-1, queries.shape[-1])), self._rows(start, stop), transpose_b=True)
        scores = flat if queries.shape[1] == 1 else tf.reduce_max(self._by_query(flat, queries), axis=1)
        return self._finished(scores, start, stop)

    def _finished(
        self, products: tf.Tensor, start: tf.Tensor | int, stop: tf.Tensor | int, down: bool = False
    ) -> tf.Tensor:
        """Scores from products of queries and rows: (B, items), or (items, B) if `down`."""

        def of(factors: tf.Tensor) -> tf.Tensor:
            return factors[start:stop, None] if down else factors[start:stop]

        for factors in (self.scale, self.norms):
            products = products if factors is None else products * of(factors)
        return products if self.penalty is None else products + of(self.penalty)

    def _rows(self, start: tf.Tensor | int, stop: tf.Tensor | int) -> tf.Tensor:
        # A slice of the first axis is a view, without a copy if D is a multiple of 8.
        return tf.cast(self.table[self.first + start : self.first + stop], tf.float32)

    def _by_query(self, flat: tf.Tensor, queries: tf.Tensor) -> tf.Tensor:
        return tf.reshape(flat, (tf.shape(queries)[0], queries.shape[1], tf.shape(flat)[1]))
