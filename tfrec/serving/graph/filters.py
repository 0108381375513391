"""Filters that drop items from a ranking."""

from __future__ import annotations

import tensorflow as tf

from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN


def is_member(codes: tf.Tensor, of: tf.Tensor) -> tf.Tensor:
    """Whether each code is in its row's set, by binary search: (B, W) and (B, F >= 1) int32 -> (B, W) bool."""
    ordered = tf.sort(of, axis=1)
    at = tf.minimum(tf.searchsorted(ordered, codes), tf.shape(ordered)[1] - 1)
    return tf.gather(ordered, at, batch_dims=1) == codes


def is_first(ordered: tf.Tensor) -> tf.Tensor:
    """True at the first of equal neighbours: (B, W) sorted -> (B, W) bool."""
    return tf.concat([tf.ones_like(ordered[:, :1], tf.bool), ordered[:, 1:] != ordered[:, :-1]], axis=1)


def best(scores: tf.Tensor, codes: tf.Tensor, may: tf.Tensor, k: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The K best of the allowed items, best first; equal scores keep their order.

    (B, W) float32, int32 and bool -> (B, K) scores and codes, padded with -inf and -1.
    """
    missing = tf.maximum(k - tf.shape(codes)[1], 0)
    scores = tf.pad(tf.where(may, scores, FORBIDDEN), [[0, 0], [0, missing]], constant_values=FORBIDDEN)
    codes = tf.pad(codes, [[0, 0], [0, missing]], constant_values=UNKNOWN)
    top, at = tf.math.top_k(scores, k)
    return top, tf.where(top > FORBIDDEN, tf.gather(codes, at, batch_dims=1), UNKNOWN)
