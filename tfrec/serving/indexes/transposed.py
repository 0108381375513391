"""Exact search of a large catalogue, with a transposed copy that speeds up single queries."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.exact import BLOCK, Exact

_TILE = 16_384  # items per tile, which holds all first components, then all second ones, and so on
_TILES = 64  # tiles that are multiplied at a time: 4 MiB of scores


class Transposed(Exact):
    """`Exact` with a second copy of the items, as columns.

    A query times columns (D, V) is a sum of D long vectors, which runs at the speed of memory. Rows (V, D) times a
    query are V short sums, which take a quarter to a half longer. For several queries there is no difference, so rows
    are used. The copy costs 4 V D bytes in the export and in the server.

    Args:
        exact: exact index of the same items with a float32 table.
    """

    def __init__(self, exact: Exact) -> None:
        super().__init__(exact.table, exact.num_items, exact.first, exact.scale, exact.norms, chunk=exact.chunk)
        self.penalty = exact.penalty
        tiles = self.num_items // _TILE
        rows = exact.table[self.first : self.first + tiles * _TILE].numpy()
        columns = np.ascontiguousarray(rows.reshape(tiles, _TILE, -1).transpose(0, 2, 1))
        self.columns = tf.Variable(columns, trainable=False, name="columns")

    def _block_maxima(self, queries: tf.Tensor) -> tf.Tensor:
        if queries.shape[1] > 1:
            return super()._block_maxima(queries)
        return tf.cond(
            tf.equal(tf.shape(queries)[0], 1),
            lambda: self._maxima_of_one(queries),
            lambda: super(Transposed, self)._block_maxima(queries),
        )

    def _maxima_of_one(self, query: tf.Tensor) -> tf.Tensor:
        """(1, 1, D) -> (1, V // 16)."""
        parts, tiles = [], self.columns.shape[0]
        for start in range(0, tiles, _TILES):
            stop = min(start + _TILES, tiles)
            scores = tf.reshape(tf.matmul(query, self.columns[start:stop]), (1, -1))
            scores = self._finished(scores, start * _TILE, stop * _TILE)
            parts.append(tf.reduce_max(tf.reshape(scores, (-1, BLOCK)), axis=1)[None])
        rest = self.num_items // BLOCK * BLOCK
        if tiles * _TILE < rest:
            parts.append(tf.transpose(self._maxima_of(query, tiles * _TILE, rest)))
        return tf.concat(parts, axis=1)
