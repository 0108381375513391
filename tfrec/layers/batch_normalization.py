"""Batch normalization that ignores empty batches."""

from typing import Any

import keras
from keras import ops


class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, but an empty batch does not change its moving averages.

    With several replicas, the last batch may have no rows for a replica. The moments of an empty batch are NaN, and
    Keras would write them into the moving averages of all replicas. The class has the name of Keras' layer, because
    Keras derives paths in the weights file from it.

    Example:
        >>> import numpy as np
        >>> layer = BatchNormalization()
        >>> layer(np.zeros((0, 2), "float32"), training=True).shape
        TensorShape([0, 2])
        >>> np.asarray(layer.moving_mean).tolist()
        [0.0, 0.0]
    """

    def _moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        has_rows = ops.shape(inputs)[0] > 0
        averages = (self.moving_mean, self.moving_variance)
        return tuple(
            ops.where(has_rows, found, ops.cast(average, found.dtype))
            for found, average in zip(super()._moments(inputs, mask), averages, strict=True)
        )
