"""Time interval bias of attention scores."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class TimeBias(keras.layers.Layer):
    """A learned bias of attention scores for each bucket of the time between two items.

    `b[i, j] = w[r[i, j]]`, r being the bucket of the time from item j to item i as `TimeIntervals` counts it. All heads
    share the bias.

    Args:
        num_buckets: R, of which there is a weight each.

    Shapes:
        input (B, L, L) integers below R; output (B, L, L).

    Reference:
        The time part of `RelativeBucketedTimeAndPositionBasedBias` in the authors' code of HSTU, arXiv 2402.17152.
        There r[i, j] = floor(ln(max(1, |t[i + 1] - t[j]|)) / 0.301), at most 128: each bucket a third longer than the
        one before, as with `TimeIntervals`. But theirs counts the time up to item i + 1, the one to be predicted, which
        nobody knows before it has happened. Here it ends with item i.

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
