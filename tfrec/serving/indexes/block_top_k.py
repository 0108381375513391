"""Top-k of long rows of scores."""

from __future__ import annotations

import tensorflow as tf

from tfrec.serving.indexes.index import FORBIDDEN

_BLOCK = 64
_SHORT = 16_384  # rows up to this width go to `tf.math.top_k` directly


def block_top_k(scores: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`tf.math.top_k`, but several times faster on rows of a million scores.

    The K best scores are in the K blocks with the highest maxima, so only maxima are computed over all scores. Blocks
    are read in order, so equal scores keep the order of their positions.

    Args:
        scores: (B, W) float32.
        k: K, an int32 scalar, at most W.

    Returns:
        (B, K) scores and int32 positions.
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
