"""An MLP over two vectors, one of the user and one of the item."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers.mlp import MLP
from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class PairInteraction(keras.layers.Layer):
    """The output of an MLP that reads a vector of the user and a vector of the item.

    ```
    x_1 = relu(W_1 [u; i] + b_1);  x_k = relu(W_k x_(k-1) + b_k)
    ```

    The first layer is computed as a map of the user plus a map of the item. So each user and each item is mapped only
    once, even if it occurs in many pairs.

    Args:
        hidden_dims: width of each layer, at least one.
        dropout: rate, after each layer.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        users (B, C, D) and items (B, C, E), in which B or C may be 1 if all rows or candidates are the same; output
        (B, C, hidden_dims[-1]).

    Raises:
        ValueError: if `hidden_dims` is empty or a width is not a positive integer.

    Example:
        >>> import numpy as np
        >>> PairInteraction([8, 4])(np.ones((2, 1, 3), "float32"), np.ones((1, 5, 3), "float32")).shape
        TensorShape([2, 5, 4])
    """

    def __init__(
        self, hidden_dims: Sequence[int], dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dims = [check_size("Each of hidden_dims", width) for width in hidden_dims]
        if not self.hidden_dims:
            raise ValueError("hidden_dims must have at least one layer.")
        self.dropout = dropout
        self.seed = seed
        seeds = (None,) * 3 if seed is None else (seed + 7919, seed + 15838, seed + 23757)
        glorot, policy, width = keras.initializers.GlorotUniform, self.dtype_policy, self.hidden_dims[0]
        self.of_user = keras.layers.Dense(width, kernel_initializer=glorot(seeds[0]), dtype=policy, name="of_user")
        self.of_item = keras.layers.Dense(
            width, use_bias=False, kernel_initializer=glorot(seeds[1]), dtype=policy, name="of_item"
        )
        self.drop = keras.layers.Dropout(dropout, seed=seeds[2], dtype=policy, name="drop")
        self.further = MLP(self.hidden_dims[1:], dropout=dropout, seed=seed, dtype=policy, name="further")

    def build(self, users_shape: Any, items_shape: Any = None) -> None:
        self.of_user.build(users_shape)
        self.of_item.build(items_shape)
        self.further.build((None, None, self.hidden_dims[0]))
        self.built = True

    def call(self, users: Any, items: Any, training: bool | None = None) -> Any:
        hidden = ops.relu(self.of_user(users) + self.of_item(items))
        return self.further(self.drop(hidden, training=training), training=training)

    def compute_output_shape(self, users_shape: Any, items_shape: Any = None) -> Any:
        rows = [one if other == 1 else other for one, other in zip(users_shape[:2], items_shape[:2], strict=True)]
        return (*rows, self.hidden_dims[-1])

    def get_config(self) -> dict[str, Any]:
        own = {"hidden_dims": self.hidden_dims, "dropout": self.dropout, "seed": self.seed}
        return {**super().get_config(), **own}
