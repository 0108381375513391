"""Approximate search in blocks of near items (IVF), from operations that every TensorFlow Serving has."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.clusters import blocks_of
from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN, Index


class Clustered(Index):
    """An inverted file: items lie in blocks of neighbours, and only the blocks nearest to a query are read.

    ```
    P blocks with the highest q . mean(block);  then exact scores of their items
    ```

    Blocks are of one size, so reading one is a copy of consecutive memory and all shapes are known: no ragged ranges.

    Args:
        vectors: (V, D) float32.
        size: S, items of a block.
        probes: P, how many blocks are read for a query.
        withdrawn: (V,) bool of items that are not found, or None.

    Reference:
        Sivic and Zisserman, "Video Google", ICCV 2003; Jégou, Douze and Schmid, "Product Quantization for Nearest
        Neighbor Search", TPAMI 2011 (IVF). There an inverted list is as long as its cluster; ours are cut into blocks.
    """

    def __init__(
        self, vectors: np.ndarray, size: int = 32, probes: int = 64, withdrawn: np.ndarray | None = None
    ) -> None:
        super().__init__(name="clustered")
        self.num_items = len(vectors)
        codes = blocks_of(vectors, size)
        real = (codes >= 0)[:, :, None]
        table = np.where(real, vectors[np.maximum(codes, 0)], 0).astype(np.float32)
        self.centres = tf.Variable((table.sum(1) / real.sum(1)).astype(np.float32), trainable=False, name="centres")
        self.table = tf.Variable(table, trainable=False, name="blocks")
        found = codes if withdrawn is None else np.where(withdrawn[np.maximum(codes, 0)], UNKNOWN, codes)
        self.codes = tf.Variable(found, trainable=False, name="codes")
        places = np.zeros(self.num_items, np.int32)
        places[codes[codes >= 0]] = np.flatnonzero(codes.ravel() >= 0)
        self.places = tf.Variable(places, trainable=False, name="places")
        self.probes = min(probes, len(codes))

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Index`."""
        near = tf.reduce_max(tf.einsum("bid,nd->bin", queries, self.centres), axis=1)
        blocks = tf.math.top_k(near, self.probes, sorted=False).indices
        codes = tf.reshape(tf.gather(self.codes, blocks), (tf.shape(queries)[0], -1))
        table = tf.reshape(tf.gather(self.table, blocks), (tf.shape(queries)[0], -1, queries.shape[-1]))
        scores = tf.reduce_max(tf.matmul(queries, table, transpose_b=True), axis=1)
        scores = tf.where(codes >= 0, scores, FORBIDDEN)
        best, at = tf.math.top_k(scores, tf.minimum(k, tf.shape(scores)[1]))
        codes = tf.where(best > FORBIDDEN, tf.gather(codes, at, batch_dims=1), UNKNOWN)
        missing = [[0, 0], [0, k - tf.shape(codes)[1]]]
        return tf.pad(best, missing, constant_values=FORBIDDEN), tf.pad(codes, missing, constant_values=UNKNOWN)

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        """See `Index`."""
        return tf.gather(tf.reshape(self.table, (-1, self.table.shape[-1])), tf.gather(self.places, codes))
