"""How every pipeline ends: some batches ahead, and nobody waits for a tuner."""

from __future__ import annotations

import tensorflow as tf


def prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset, working ahead of who reads it, without the tuner of tf.data.

    That tuner sleeps 10 ms, 20 ms and so on up to a minute, and an iterator that has come to its end waits until it
    wakes: in TensorFlow 2.20 an epoch of 7.3 seconds took 10.2. What it would tune, how many batches are made at once,
    matters little for pipelines that need a hundredth of a training step.

    Example:
        >>> batches = prefetched(tf.data.Dataset.range(2))
        >>> batches.options().autotune.enabled, [int(one) for one in batches]
        (False, [0, 1])
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)
