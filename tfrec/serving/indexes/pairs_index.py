"""Exact search for models that score each pair of a user and an item with a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.reserved_ids import RESERVED_IDS
from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.index import FORBIDDEN, Index


class PairsIndex(Index):
    """Scores every item for every user with the model's network, in chunks of items.

    Instead of query vectors it takes the output of the model's `call`. It scores `model.pairs_at_once` pairs at a time.

    Args:
        model: the model that scores the pairs.
        num_items: V.
        withdrawn: (V,) bool, items that are never found; or None.
    """

    def __init__(self, model: PairScoringModel, num_items: int, withdrawn: np.ndarray | None = None) -> None:
        super().__init__(name="pairs")
        self.num_items, self.pairs_at_once = num_items, model.pairs_at_once
        some = withdrawn is not None and withdrawn.any()
        self.penalty = tf.constant(np.where(withdrawn, FORBIDDEN, 0), tf.float32) if some else None
        # Traced once for each form of item ids: one row for all users, or a row for each.
        self._score = tf.function(
            lambda state, ids: tf.cast(model.score_pairs(state, ids, training=False), tf.float32), autograph=False
        )

    def search(self, queries: Any, k: tf.Tensor, own: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        batch = tf.shape(tf.nest.flatten(queries)[0])[0]
        step = tf.clip_by_value(self.pairs_at_once // tf.maximum(batch, 1), 1, self.num_items)

        def add(start: tf.Tensor, best: tf.Tensor, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            stop = tf.minimum(start + step, self.num_items)
            scores = self._score(queries, tf.range(start, stop)[None] + RESERVED_IDS)
            scores = scores if self.penalty is None else scores + self.penalty[start:stop]
            top, at = block_top_k(tf.ensure_shape(scores, (None, None)), tf.minimum(k, stop - start))
            # Earlier results come first, so equal scores keep the order of their codes.
            best, where = tf.math.top_k(tf.concat([best, top], 1), tf.minimum(k, stop))
            return stop, best, tf.gather(tf.concat([codes, at + start], 1), where, batch_dims=1)

        free = tf.TensorShape((None, None))
        _, best, codes = tf.while_loop(
            lambda start, *_: start < self.num_items,
            add,
            (0, tf.zeros((batch, 0)), tf.zeros((batch, 0), tf.int32)),
            shape_invariants=(tf.TensorShape(()), free, free),
            parallel_iterations=1,
        )
        return best, codes

    def score(self, queries: Any, codes: tf.Tensor) -> tf.Tensor:
        return self._score(queries, codes + RESERVED_IDS)
