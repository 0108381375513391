"""Scale vectors to one length, for cosine scores."""

from typing import Any

import keras

from tfrec.ops import unit_vectors


@keras.saving.register_keras_serializable(package="tfrec")
class UnitNorm(keras.layers.Layer):
    """Gives all vectors the same length: `y = scale x / |x|`; the zero vector stays zero.

    Args:
        scale: the length; 1 / temperature for queries of cosine scores.

    Shapes:
        input (..., D); output (..., D).

    Example:
        >>> import numpy as np
        >>> np.asarray(UnitNorm(scale=10.0)(np.array([[3.0, 4.0], [0.0, 0.0]], "float32"))).round(3).tolist()
        [[6.0, 8.0], [0.0, 0.0]]
    """

    def __init__(self, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        return unit_vectors(inputs) * self.scale

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}
