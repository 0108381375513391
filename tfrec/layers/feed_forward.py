"""The position-wise part of a Transformer block."""

from typing import Any

import keras

from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class FeedForward(keras.layers.Layer):
    """Two dense layers with an activation between them, applied to every position.

    `y = drop(drop(act(x W1 + b1)) W2 + b2)`, without the residual, which belongs to the block.

    Args:
        inner_dim: width of the hidden layer; None means the width D of the input, as in SASRec.
        activation: a Keras activation.
        dropout: rate after each dense layer.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        input (B, L, D); output (B, L, D).

    Example:
        >>> import numpy as np
        >>> FeedForward(dropout=0.1)(np.zeros((2, 3, 4), "float32")).shape
        TensorShape([2, 3, 4])
    """

    def __init__(
        self,
        inner_dim: int | None = None,
        activation: str = "relu",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.inner_dim = check_size("inner_dim", inner_dim, optional=True)
        self.activation = activation
        self.dropout = dropout
        self.seed = seed
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="drop")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = input_shape[-1]
        first, second = (
            keras.initializers.GlorotUniform(None if self.seed is None else self.seed + place) for place in (11, 12)
        )
        self.expand = keras.layers.Dense(
            self.inner_dim or width,
            activation=self.activation,
            kernel_initializer=first,
            dtype=self.dtype_policy,
            name="expand",
        )
        self.expand.build(input_shape)
        self.contract = keras.layers.Dense(width, kernel_initializer=second, dtype=self.dtype_policy, name="contract")
        self.contract.build((*input_shape[:-1], self.inner_dim or width))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        hidden = self.drop(self.expand(inputs), training=training)
        return self.drop(self.contract(hidden), training=training)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {
            "inner_dim": self.inner_dim,
            "activation": self.activation,
            "dropout": self.dropout,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
