"""The position-wise part of a modern Transformer block: SwiGLU."""

from typing import Any

import keras

from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class GatedFeedForward(keras.layers.Layer):
    """A feed-forward network whose hidden layer is multiplied by a gate, applied to every position.

    `y = drop((silu(x W1) * (x W2)) W3)`, without biases and without the residual, which belongs to the block.

    Args:
        inner_dim: width of the hidden layer; None means twice the width D of the input.
        dropout: rate on the output.

    Shapes:
        input (B, L, D); output (B, L, D).

    Reference:
        Shazeer, "GLU Variants Improve Transformer", 2020, arXiv 2002.05202.

    Example:
        >>> import numpy as np
        >>> GatedFeedForward(dropout=0.1)(np.zeros((2, 3, 4), "float32")).shape
        TensorShape([2, 3, 4])
    """

    def __init__(self, inner_dim: int | None = None, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.inner_dim = check_size("inner_dim", inner_dim, optional=True)
        self.dropout = dropout
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="drop")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = input_shape[-1]
        inner = self.inner_dim or 2 * width

        def dense(units: int, name: str, activation: str | None = None) -> keras.layers.Dense:
            return keras.layers.Dense(units, activation=activation, use_bias=False, dtype=self.dtype_policy, name=name)

        self.gate, self.expand, self.contract = (
            dense(inner, "gate", "silu"),
            dense(inner, "expand"),
            dense(width, "contract"),
        )
        self.gate.build(input_shape)
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], inner))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.drop(self.contract(self.gate(inputs) * self.expand(inputs)), training=training)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner_dim": self.inner_dim, "dropout": self.dropout}
