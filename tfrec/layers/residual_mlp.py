"""A deep network of residual units."""

from collections.abc import Sequence
from typing import Any

import keras

from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class ResidualMLP(keras.layers.Layer):
    """A stack of residual units, each with two dense layers.

    ```
    h_0 = inputs;  h_i = h_{i-1} + drop(W2_i relu(W1_i h_{i-1} + b1_i) + b2_i)
    ```

    Each unit adds its output to its input, so the width F stays the same and any number of units can be stacked.

    Args:
        hidden_dims: hidden width of each unit, the rows of W1; with an empty list, the inputs are returned unchanged.
        activation: a Keras activation.
        dropout: rate, after each W2.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        input (..., F); output (..., F).

    Raises:
        ValueError: if a width is not a positive integer.

    Reference:
        Shan et al., "Deep Crossing: Web-Scale Modeling without Manually Crafted Combinatorial Features", KDD 2016,
        section 4.3. In the paper a relu also follows the sum.

    Example:
        >>> import numpy as np
        >>> ResidualMLP([8, 8], dropout=0.1)(np.zeros((2, 3), "float32")).shape
        TensorShape([2, 3])
    """

    def __init__(
        self,
        hidden_dims: Sequence[int],
        activation: str = "relu",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.hidden_dims = [check_size("Each of hidden_dims", width) for width in hidden_dims]
        self.activation = activation
        self.dropout = dropout
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        policy, width = self.dtype_policy, input_shape[-1]
        self.units: list[list[keras.layers.Layer]] = []
        for i, inner in enumerate(self.hidden_dims):
            # Maps of equal shape must not begin equal.
            seeds = [None if self.seed is None else self.seed + 104729 * (i + 1) + place for place in (0, 1)]
            first, second = (keras.initializers.GlorotUniform(one) for one in seeds)
            expand = keras.layers.Dense(
                inner, activation=self.activation, kernel_initializer=first, dtype=policy, name=f"expand_{i}"
            )
            contract = keras.layers.Dense(width, kernel_initializer=second, dtype=policy, name=f"contract_{i}")
            expand.build(input_shape)
            contract.build((*input_shape[:-1], inner))
            self.units.append(
                [expand, contract, keras.layers.Dropout(self.dropout, seed=seeds[0], dtype=policy, name=f"drop_{i}")]
            )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        hidden = inputs
        for expand, contract, drop in self.units:
            hidden = hidden + drop(contract(expand(hidden)), training=training)
        return hidden

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {
            "hidden_dims": self.hidden_dims,
            "activation": self.activation,
            "dropout": self.dropout,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
