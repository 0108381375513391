"""The K best of a long row of scores."""

from __future__ import annotations

import tensorflow as tf

from tfrec.serving.indexes.index import FORBIDDEN

_BLOCK = 64
_SHORT = 16_384  # rows that are sorted as they are


def block_top_k(scores: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`tf.math.top_k`, several times as fast on rows of a million.

    The K best lie in the K blocks with the highest maxima, and taking maxima is all that has to be done to every score.
    Blocks are read in their order, so that equal scores still come in the order of their places.

    Args:
        scores: (B, W) float32.
        k: K, an int32 scalar, at most W.

    Returns:
        (B, K) scores and int32 places.
    """
    if scores.shape[1] is not None and scores.shape[1] <= _SHORT:
        return tf.math.top_k(scores, k)
    batch, width = tf.shape(scores)[0], tf.shape(scores)[1]
    scores = tf.pad(scores, [[0, 0], [0, -width % _BLOCK]], constant_values=FORBIDDEN)
    blocks = tf.reshape(scores, (batch, -1, _BLOCK))
    number = tf.minimum(k, tf.shape(blocks)[1])
    chosen = tf.sort(tf.math.top_k(tf.reduce_max(blocks, axis=2), number, sorted=False).indices, axis=1)
    best, at = tf.math.top_k(tf.reshape(tf.gather(blocks, chosen, batch_dims=1), (batch, number * _BLOCK)), k)
    return best, tf.gather(chosen, at // _BLOCK, batch_dims=1) * _BLOCK + at % _BLOCK
