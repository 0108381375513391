"""Learned position embeddings, counted from the newest item."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import check_length, check_size, last_rows


@keras.saving.register_keras_serializable(package="tfrec")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to each position of a sequence whose newest item is last.

    `y[:, t] = x[:, t] + P[max_length - L + t]`: positions are counted from the end, so a history padded on the left
    gets the same positions for every padded length L. With `ages`, positions are counted from the newest real position,
    `y[:, t] = x[:, t] + P[max_length - 1 - ages[:, t]]`, so the side of the padding makes no difference.

    Args:
        max_length: the longest sequence, and the number of rows of P.
        seed: seed of the initial P.

    Shapes:
        input (B, L, D) with L at most `max_length`; output (B, L, D). `ages`, optional: (B, L) int, see
        `tfrec.ops.event_ages`; then L is unlimited, and positions outside P get its first or last row, which the caller
        must mask.

    Raises:
        ValueError: if L is known and greater than `max_length`.

    Example:
        >>> import numpy as np
        >>> layer = PositionEmbedding(max_length=10)
        >>> layer(np.zeros((2, 3, 4), "float32")).shape
        TensorShape([2, 3, 4])
    """

    def __init__(self, max_length: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.max_length = check_size("max_length", max_length)
        self.seed = seed

    def build(self, inputs_shape: tuple[int | None, ...], ages_shape: Any = None) -> None:
        self.positions = self.add_weight(
            name="positions",
            shape=(self.max_length, inputs_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.02, seed=self.seed),
        )

    def call(self, inputs: Any, ages: Any = None) -> Any:
        if ages is not None:
            places = ops.clip(self.max_length - 1 - ages, 0, self.max_length - 1)
            return inputs + ops.take(ops.convert_to_tensor(self.positions), places, axis=0)
        check_length(inputs.shape[1], self.max_length)
        return inputs + last_rows(ops.convert_to_tensor(self.positions), ops.shape(inputs)[1])

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], ages_shape: Any = None
    ) -> tuple[int | None, ...]:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length, "seed": self.seed}
