"""The deep part of a ranking model."""

from collections.abc import Sequence
from typing import Any

import keras

from tfrec.layers.batch_normalization import BatchNormalization
from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class MLP(keras.layers.Layer):
    """A stack of dense layers, each with an activation.

    ```
    x_0 = inputs;  x_i = drop(act(norm(x_{i-1} W_i + b_i)))
    ```

    There is no batch normalisation by default. The model adds its own output layer, without activation.

    Args:
        hidden_dims: width of each dense layer; with an empty list, the inputs are returned unchanged.
        activation: an argument of `keras.activations.get`, or a Keras layer. A layer may have weights, such as PReLU:
            each dense layer gets a new one with the same config.
        dropout: rate, after each activation.
        batch_norm: whether to use batch normalisation, which then replaces the bias.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        input (..., F); output (..., hidden_dims[-1]).

    Raises:
        ValueError: if a width is not a positive integer.

    Example:
        >>> import numpy as np
        >>> MLP([8, 4], dropout=0.1)(np.zeros((2, 3), "float32")).shape
        TensorShape([2, 4])
    """

    def __init__(
        self,
        hidden_dims: Sequence[int],
        activation: Any = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.hidden_dims = [check_size("Each of hidden_dims", width) for width in hidden_dims]
        if isinstance(activation, dict):
            activation = keras.saving.deserialize_keras_object(activation)
        # Only copies of the layer are used; if it were tracked, it would be a sublayer that is never built.
        object.__setattr__(self, "activation", activation)
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.seed = seed
        policy = self.dtype_policy
        self.steps: list[keras.layers.Layer] = []
        for i, width in enumerate(self.hidden_dims):
            # Layers of equal shape must start with different weights, also from other layers with the same seed.
            own = None if seed is None else seed + 104729 * (i + 1)
            start = keras.initializers.GlorotUniform(own)
            dense = keras.layers.Dense(
                width, use_bias=not batch_norm, kernel_initializer=start, dtype=policy, name=f"dense_{i}"
            )
            self.steps.append(dense)
            if batch_norm:
                self.steps.append(BatchNormalization(dtype=policy, name=f"norm_{i}"))
            self.steps.append(self._activation(f"activation_{i}"))
            if dropout:
                self.steps.append(keras.layers.Dropout(dropout, seed=own, dtype=policy, name=f"drop_{i}"))

    def _activation(self, name: str) -> keras.layers.Layer:
        if isinstance(self.activation, keras.layers.Layer):
            config = {**self.activation.get_config(), "name": name, "dtype": self.dtype_policy}
            return type(self.activation).from_config(config)
        return keras.layers.Activation(self.activation, dtype=self.dtype_policy, name=name)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        for step in self.steps:
            step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        for step in self.steps:  # Keras passes `training` on to layers that take it
            inputs = step(inputs)
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.hidden_dims[-1]) if self.hidden_dims else input_shape

    def get_config(self) -> dict[str, Any]:
        activation = self.activation
        own = {
            "hidden_dims": self.hidden_dims,
            "activation": activation
            if isinstance(activation, str)
            else keras.saving.serialize_keras_object(activation),
            "dropout": self.dropout,
            "batch_norm": self.batch_norm,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
