"""Relative position bias of attention scores."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class RelativePositionBias(keras.layers.Layer):
    """A learned bias of attention scores for each distance between two positions.

    `b[i, j] = w[clip(i - j, -(max_length - 1), max_length - 1)]`, where i attends to j. Padding on the left does not
    change distances. All heads share the bias.

    Args:
        max_length: distances above max_length - 1 share one weight; there are 2 max_length - 1 weights.

    Shapes:
        input (B, L, ...); only L is read; output (L, L).

    Reference:
        The position part of `RelativeBucketedTimeAndPositionBasedBias` in the authors' code of HSTU, arXiv 2402.17152,
        which is the bias of T5 (Raffel et al., JMLR 2020, arXiv 1910.10683) without buckets. In that code L is always
        `max_length`, so no distance is clipped.

    Example:
        >>> import numpy as np
        >>> RelativePositionBias(max_length=10)(np.zeros((2, 3, 4), "float32")).shape
        TensorShape([3, 3])
    """

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = check_size("max_length", max_length)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create w, (2 max_length - 1,), for distances in ascending order."""
        self.weight = self.add_weight(
            name="weight",
            shape=(2 * self.max_length - 1,),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: the output holds pairs of positions, not a sequence that could be masked."""

    def call(self, inputs: Any) -> Any:
        position = ops.arange(ops.shape(inputs)[1], dtype="int32")
        distance = ops.expand_dims(position, 1) - position
        farthest = self.max_length - 1
        return ops.take(self.weight, ops.clip(distance, -farthest, farthest) + farthest, axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[1], input_shape[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length}
