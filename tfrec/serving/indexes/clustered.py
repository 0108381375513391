"""Approximate search in blocks of similar items (IVF), with operations of stock TensorFlow Serving."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.clusters import blocks_of
from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN, Index

_AT_ONCE = 4  # queries that are searched in parallel
_FIRST = 32  # times K items are read first, to estimate the K-th score


class Clustered(Index):
    """An inverted file: items are grouped into blocks of similar vectors, and a query reads only promising blocks.

    ```
    bound(block) = q . mean + margin |q| above,   above = spread sqrt(2 ln S / D)
    1. the blocks with the highest bounds give K items, the last of them with score s
    2. all blocks whose bound is s or more are read, and their items get exact scores
    ```

    Each block has an estimated upper bound of its scores. `above` is the expected distance of the best of S items from
    their mean if they spread equally in all D directions; `margin` scales it. A query in a sparse region reads few
    blocks, one in a dense region many. At equal recall this reads a third less than a fixed number of blocks, and less
    than half for the median query. All blocks have the same size, so reading one copies consecutive memory. The rows of
    a batch are searched one by one, several in parallel, so memory does not grow with B. Each row is searched for its
    own number of items, so its answer does not depend on the other rows.

    Args:
        vectors: (V, D) float32.
        size: S, items per block.
        probes: most blocks that a query for `usual` items reads; queries for more items read proportionally more.
        usual: see `probes`; None sets the same limit for all queries.
        margin: see above. If infinite, each query reads `probes` blocks.
        withdrawn: (V,) bool, items that are never found; or None.

    Reference:
        Sivic and Zisserman, "Video Google", ICCV 2003; Jégou, Douze and Schmid, "Product Quantization for Nearest
        Neighbor Search", TPAMI 2011 (IVF). Differences: in the papers an inverted list is as long as its cluster, and a
        fixed number of lists with the nearest centres is read.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        size: int = 64,
        probes: int = 64,
        margin: float = np.inf,
        withdrawn: np.ndarray | None = None,
        usual: int | None = None,
    ) -> None:
        super().__init__(name="clustered")
        self.num_items = len(vectors)
        codes = blocks_of(vectors, size)
        there = codes >= 0
        if withdrawn is not None:  # move withdrawn items to the end of their block, which search does not read
            there &= ~withdrawn[codes]
            codes = np.take_along_axis(codes, np.argsort(~there, axis=1, kind="stable"), axis=1)
        real = (codes >= 0)[:, :, None]
        sizes = real.sum(1)
        table = np.where(real, vectors[np.maximum(codes, 0)], 0).astype(np.float32)
        centres = (table.sum(1) / sizes).astype(np.float32)
        spread = np.sqrt((((table - centres[:, None]) ** 2).sum(2) * real[:, :, 0]).sum(1) / sizes[:, 0])
        above = spread * np.sqrt(2 * np.log(size) / vectors.shape[1])
        self.centres = tf.Variable(centres, trainable=False, name="centres")
        self.above = tf.Variable(above.astype(np.float32), trainable=False, name="above")
        self.sizes = tf.Variable(there.sum(1).astype(np.int32), trainable=False, name="sizes")
        self.table = tf.Variable(table.reshape(len(codes), -1), trainable=False, name="blocks")
        self.codes = tf.Variable(codes, trainable=False, name="codes")
        places = np.zeros(self.num_items, np.int32)
        places[codes[codes >= 0]] = np.flatnonzero(codes.ravel() >= 0)
        self.places = tf.Variable(places, trainable=False, name="places")
        self.probes, self.margin, self.usual = min(probes, len(codes)), margin, usual

    def search(self, queries: tf.Tensor, k: tf.Tensor, own: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        # Variables are read before they are gathered from: see `Exact.vectors`.
        table, codes, sizes = self.table.read_value(), self.codes.read_value(), self.sizes.read_value()
        size, width, batch = codes.shape[1], queries.shape[-1], tf.shape(queries)[0]
        # `tf.map_fn` fails on an empty batch, so it gets one row, which is dropped at the end.
        own = tf.fill((batch,), k) if own is None else own
        none = tf.cast(tf.equal(batch, 0), tf.int32)
        queries = tf.pad(queries, [[0, none], [0, 0], [0, 0]])
        own = tf.concat([own, tf.fill((none,), k)], axis=0)

        def read(query: tf.Tensor, blocks: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """The K best items of some blocks: scores and positions in `codes`."""
            items = tf.reshape(tf.gather(table, blocks), (-1, width))
            scores = tf.reduce_max(tf.matmul(query, items, transpose_b=True), axis=0)
            empty = tf.range(size) >= tf.gather(sizes, blocks)[:, None]
            scores = tf.where(tf.reshape(empty, (1, -1)), FORBIDDEN, scores[None])
            best, at = (rows[0] for rows in block_top_k(scores, tf.minimum(k, tf.shape(scores)[1])))
            return best, tf.gather(blocks, at // size) * size + at % size

        def one(given: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor]:
            query, bounds, needed = given  # (I, D), (N,), ()
            most = self._most(needed)
            if np.isinf(self.margin):
                best, places = read(query, tf.math.top_k(bounds, most, sorted=False).indices, needed)
            else:
                first = tf.math.top_k(bounds, tf.minimum(_FIRST * needed // size + 1, most))
                least = read(query, first.indices, needed)[0]
                least = tf.where(tf.shape(least)[0] < needed, FORBIDDEN, least[-1])
                promising = tf.where(bounds >= tf.minimum(least, first.values[-1]))[:, 0]
                blocks = tf.cond(
                    tf.shape(promising)[0] <= most,
                    lambda: tf.cast(promising, tf.int32),
                    lambda: tf.math.top_k(bounds, most, sorted=False).indices,
                )
                best, places = read(query, blocks, needed)
            missing = [[0, k - tf.shape(best)[0]]]
            found = tf.where(best > FORBIDDEN, tf.gather(tf.reshape(codes, (-1,)), places), UNKNOWN)
            return tf.pad(best, missing, constant_values=FORBIDDEN), tf.pad(found, missing, constant_values=UNKNOWN)

        kinds = tf.TensorSpec((None,), tf.float32), tf.TensorSpec((None,), tf.int32)
        each = queries, self._bounds(queries), own
        scores, items = tf.map_fn(one, each, parallel_iterations=_AT_ONCE, fn_output_signature=kinds)
        return scores[:batch], items[:batch]

    def _most(self, k: tf.Tensor) -> tf.Tensor:
        """The most blocks that are read for K items. With filters, K includes the forbidden items."""
        blocks, size = self.codes.shape
        if self.usual is None:
            return tf.constant(self.probes)
        return tf.minimum(blocks, self.probes * tf.maximum(1, -(-k // self.usual)) + k // size)

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        table = tf.reshape(self.table.read_value(), (-1, self.centres.shape[1]))
        return tf.gather(table, tf.gather(self.places.read_value(), codes))

    def _bounds(self, queries: tf.Tensor) -> tf.Tensor:
        """(B, I, D) queries -> (B, N) upper bounds of the blocks."""
        flat = tf.reshape(queries, (-1, queries.shape[-1]))
        bounds = tf.matmul(flat, self.centres, transpose_b=True)
        margin = 1.0 if np.isinf(self.margin) else self.margin
        bounds += margin * tf.norm(flat, axis=1, keepdims=True) * self.above
        return tf.reduce_max(tf.reshape(bounds, (tf.shape(queries)[0], queries.shape[1], -1)), axis=1)
