"""Time interval bias of attention scores."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class TimeBias(keras.layers.Layer):
    """A learned bias of attention scores for each bucket of the time between two items.

    `b[i, j] = w[r[i, j]]`, where r is the bucket of the time from item j to item i from `TimeIntervals`. All heads
    share the bias.

    Args:
        num_buckets: R, the number of weights.

    Shapes:
        input (B, L, L) integers below R; output (B, L, L).

    Reference:
        The time part of `RelativeBucketedTimeAndPositionBasedBias` in the authors' code of HSTU, arXiv 2402.17152. In
        that code r[i, j] = floor(ln(max(1, |t[i + 1] - t[j]|)) / 0.301), at most 128: each bucket is a third longer
        than the one before, as in `TimeIntervals`. But their interval ends at item i + 1, the item to be predicted,
        whose time is unknown in serving. Here it ends at item i.

    Example:
        >>> import numpy as np
        >>> TimeBias(num_buckets=4)(np.array([[[0, 3], [3, 0]]])).shape
        TensorShape([1, 2, 2])
    """

    def __init__(self, num_buckets: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_buckets = check_size("num_buckets", num_buckets)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.weight = self.add_weight(
            name="weight", shape=(self.num_buckets,), initializer=keras.initializers.RandomNormal(stddev=0.02)
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: the output holds pairs of positions, not a sequence that could be masked."""

    def call(self, inputs: Any) -> Any:
        return ops.take(self.weight, inputs, axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_buckets": self.num_buckets}
