"""Logarithmic buckets of the time between items."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class TimeIntervals(keras.layers.Layer):
    """The bucket of the time between every two items of a sequence. The layer has no weights.

    `r[i, j]` is the number of bounds that are at most `|t_i - t_j|`. The bounds run from 1 second to `max_interval`,
    with equal ratios as far as whole seconds allow. So bucket 0 means the same second, and the last bucket means
    `max_interval` or more. With 64 buckets up to ten years, each bucket is about a third longer than the one before it.

    The bounds are fixed and the same for all users: a bucket depends only on the two items, and times may have any
    origin. Bounds and times are integers, so rounding cannot move an interval to another bucket.

    Args:
        num_buckets: R, at least 3.
        max_interval: seconds, at least R - 1.

    Shapes:
        input (B, L) integer seconds; output (B, L, L) int32 below R, meaningless for pairs with padding.

    Raises:
        ValueError: if `num_buckets` or `max_interval` is too small.

    Example:
        >>> import numpy as np
        >>> layer = TimeIntervals(num_buckets=4, max_interval=100)
        >>> layer.bounds
        [1, 10, 100]
        >>> np.asarray(layer(np.array([[0, 9, 500]])))[0].tolist()
        [[0, 1, 3], [1, 0, 3], [3, 3, 0]]
    """

    def __init__(self, num_buckets: int = 64, max_interval: int = 10 * 365 * 86_400, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_buckets = check_size("num_buckets", num_buckets, least=3)
        # A bound in whole seconds for each bucket except the first.
        self.max_interval = check_size("max_interval", max_interval, least=self.num_buckets - 1)
        if self.max_interval >= 2**31:
            raise ValueError(f"max_interval must be at most 2**31 - 1 seconds, got {max_interval}.")
        self.bounds = _bounds(self.num_buckets - 1, self.max_interval)

    def call(self, timestamps: Any) -> Any:
        between = ops.abs(ops.expand_dims(timestamps, 2) - ops.expand_dims(timestamps, 1))
        between = ops.cast(ops.minimum(between, self.max_interval), "int32")
        # No logarithms: their rounding can depend on the memory layout, and with it the bucket.
        buckets = ops.searchsorted(np.array(self.bounds, "int32"), ops.reshape(between, (-1,)), side="right")
        return ops.reshape(ops.cast(buckets, "int32"), ops.shape(between))

    def compute_output_shape(self, timestamps_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*timestamps_shape, timestamps_shape[-1])

    def compute_output_spec(self, timestamps: Any) -> keras.KerasTensor:
        """(B, L, L) int32, for every dtype policy of the layer."""
        return keras.KerasTensor(self.compute_output_shape(timestamps.shape), "int32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_buckets": self.num_buckets, "max_interval": self.max_interval}


def _bounds(number: int, longest: int) -> list[int]:
    """`number` ascending integers from 1 to `longest`, with equal ratios as far as integers allow."""
    bounds = [1]
    for left in range(number - 1, 0, -1):
        ratio = (longest / bounds[-1]) ** (1 / left)
        bounds.append(max(bounds[-1] + 1, round(bounds[-1] * ratio)))
    return bounds
