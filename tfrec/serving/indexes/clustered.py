"""Approximate search in blocks of near items (IVF), from operations that every TensorFlow Serving has."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.clusters import blocks_of
from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN, Index

_AT_ONCE = 4  # queries whose blocks lie in memory at once


class Clustered(Index):
    """An inverted file: items lie in blocks of neighbours, and only the most promising for a query are read.

    ```
    P blocks with the highest  q . mean + |q| spread sqrt(2 ln S / D);  then exact scores of their items
    ```

    The second term is what the best of S items is expected to stand above their mean, were they spread alike in all D
    directions: a wide block may hold a near item although its mean is far. Blocks are of one size, so reading one is a
    copy of consecutive memory and all shapes are known: no ragged ranges. Rows of a batch are searched one by one,
    several at the same time: what lies in memory is four times P x S vectors, whatever B.

    Args:
        vectors: (V, D) float32.
        size: S, items of a block.
        probes: P, how many blocks are read for a query.

    Reference:
        Sivic and Zisserman, "Video Google", ICCV 2003; Jégou, Douze and Schmid, "Product Quantization for Nearest
        Neighbor Search", TPAMI 2011 (IVF). There an inverted list is as long as its cluster, and the nearest centres
        decide; ours are of one size.
    """

    def __init__(self, vectors: np.ndarray, size: int = 64, probes: int = 64) -> None:
        super().__init__(name="clustered")
        self.num_items = len(vectors)
        codes = blocks_of(vectors, size)
        real = (codes >= 0)[:, :, None]
        sizes = real.sum(1)
        table = np.where(real, vectors[np.maximum(codes, 0)], 0).astype(np.float32)
        centres = (table.sum(1) / sizes).astype(np.float32)
        spread = np.sqrt((((table - centres[:, None]) ** 2).sum(2) * real[:, :, 0]).sum(1) / sizes[:, 0])
        above = spread * np.sqrt(2 * np.log(size) / vectors.shape[1])
        self.centres = tf.Variable(centres, trainable=False, name="centres")
        self.above = tf.Variable(above.astype(np.float32), trainable=False, name="above")
        self.sizes = tf.Variable(sizes[:, 0].astype(np.int32), trainable=False, name="sizes")
        self.table = tf.Variable(table.reshape(len(codes), -1), trainable=False, name="blocks")
        self.codes = tf.Variable(codes, trainable=False, name="codes")
        places = np.zeros(self.num_items, np.int32)
        places[codes[codes >= 0]] = np.flatnonzero(codes.ravel() >= 0)
        self.places = tf.Variable(places, trainable=False, name="places")
        self.probes = min(probes, len(codes))

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Index`."""
        # Variables are read before they are gathered from: see `Exact.vectors`.
        table, codes, sizes = self.table.read_value(), self.codes.read_value(), self.sizes.read_value()
        size, width = codes.shape[1], queries.shape[-1]
        found = tf.minimum(k, self.probes * size)

        def one(given: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            query, promise = given  # (I, D), (N,)
            blocks = tf.math.top_k(promise, self.probes, sorted=False).indices
            items = tf.reshape(tf.gather(table, blocks), (self.probes * size, width))
            scores = tf.reduce_max(tf.matmul(query, items, transpose_b=True), axis=0)
            empty = tf.range(size) >= tf.gather(sizes, blocks)[:, None]
            scores = tf.where(tf.reshape(empty, (1, -1)), FORBIDDEN, scores[None])
            best, at = (rows[0] for rows in block_top_k(scores, found))
            places = tf.gather(blocks, at // size) * size + at % size
            return best, tf.where(best > FORBIDDEN, tf.gather(tf.reshape(codes, (-1,)), places), UNKNOWN)

        kinds = tf.TensorSpec((None,), tf.float32), tf.TensorSpec((None,), tf.int32)
        each = queries, self._promises(queries)
        best, codes_of = tf.map_fn(one, each, parallel_iterations=_AT_ONCE, fn_output_signature=kinds)
        missing = [[0, 0], [0, k - found]]
        return tf.pad(best, missing, constant_values=FORBIDDEN), tf.pad(codes_of, missing, constant_values=UNKNOWN)

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        """See `Index`."""
        table = tf.reshape(self.table.read_value(), (-1, self.centres.shape[1]))
        return tf.gather(table, tf.gather(self.places.read_value(), codes))

    def _promises(self, queries: tf.Tensor) -> tf.Tensor:
        """(B, I, D) -> (B, N)."""
        flat = tf.reshape(queries, (-1, queries.shape[-1]))
        promises = tf.matmul(flat, self.centres, transpose_b=True)
        promises += tf.norm(flat, axis=1, keepdims=True) * self.above
        return tf.reduce_max(tf.reshape(promises, (tf.shape(queries)[0], queries.shape[1], -1)), axis=1)
