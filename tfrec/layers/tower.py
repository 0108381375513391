"""A tower: combines the vectors of the features of a user or an item into one vector."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers.mlp import MLP
from tfrec.ops import check_size, unit_vectors


@keras.saving.register_keras_serializable(package="tfrec")
class Tower(keras.layers.Layer):
    """Combines several vectors of equal width into one.

    ```
    y = sum over the parts of x_p + W MLP([x_1; ...; x_P]) + b;      y / |y| if `normalize`
    ```

    The sum alone is a plain factorization; the network adds interactions between the parts. With empty `hidden_dims`
    there is only the sum.

    Args:
        hidden_dims: widths of the dense layers of the network.
        dropout: rate on the parts and in the network.
        normalize: whether the output has length 1.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        a list of P tensors (B, D); output (B, D).

    Example:
        >>> import numpy as np
        >>> x = np.array([[3.0, 0.0]], "float32")
        >>> np.asarray(Tower([], normalize=True)([x, x])).round(3).tolist()
        [[1.0, 0.0]]
    """

    def __init__(
        self,
        hidden_dims: Sequence[int] = (),
        dropout: float = 0.0,
        normalize: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dims = [check_size("Each of hidden_dims", width) for width in hidden_dims]
        self.dropout = dropout
        self.normalize = normalize
        self.seed = seed

    def build(self, input_shape: Sequence[tuple[int | None, ...]]) -> None:
        width, policy = input_shape[0][-1], self.dtype_policy
        self.drop = keras.layers.Dropout(self.dropout, seed=self.seed, dtype=policy, name="drop")
        if self.hidden_dims:
            self.network = MLP(self.hidden_dims, dropout=self.dropout, seed=self.seed, dtype=policy, name="network")
            self.network.build((None, width * len(input_shape)))
            # Small at first: the network starts as a correction of the sum.
            start = keras.initializers.RandomNormal(stddev=0.01, seed=self.seed)
            self.out = keras.layers.Dense(width, kernel_initializer=start, dtype=policy, name="out")
            self.out.build((None, self.hidden_dims[-1]))
        self.built = True

    def call(self, inputs: Sequence[Any], training: bool | None = None) -> Any:
        parts = self.drop(ops.concatenate(list(inputs), axis=-1), training=training)
        vectors = sum(ops.split(parts, len(inputs), axis=-1))
        if self.hidden_dims:
            vectors = vectors + self.out(self.network(parts, training=training))
        return unit_vectors(vectors) if self.normalize else vectors

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("hidden_dims", "dropout", "normalize", "seed")}
        return {**super().get_config(), **own}
