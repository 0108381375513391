"""Attention that weights the members of a set by their importance, independently of a query."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_record import record
from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class ImportancePooling(keras.layers.Layer):
    """The sum of the vectors of a set, each weighted by its general importance.

    ```
    f(x) = h . tanh(W x + b)
    a_j = exp f(x_j) / sum over j of exp f(x_j)
    y = sum over j of a_j x_j
    ```

    The importance f depends only on the member. The mask selects the members that count for each candidate; their
    weights sum to 1. If no member of a set counts, the output is 0.

    Args:
        units: width of the hidden layer of f.
        seed: seed of the initial weights.

    Shapes:
        vectors (B, C, N, D), in which B or C may be 1 if rows or candidates have the same set; mask (B, C, N) bool,
        True at members that count; output (B, C, D). `importance`, (B, C, N), may be given if it is known already. The
        recorded weights are (B, C, N), 0 outside the mask.

    Raises:
        ValueError: if `units` is not a positive integer.

    Reference:
        Cheng et al., "DELF: A Dual-Embedding based Deep Latent Factor Model for Recommendation", IJCAI 2018.

    Example:
        >>> import numpy as np
        >>> vectors = np.ones((2, 1, 3, 4), "float32")  # three members, the same for all of the five candidates
        >>> ImportancePooling(8)(vectors, np.ones((2, 5, 3), bool)).shape
        TensorShape([2, 5, 4])
    """

    def __init__(self, units: int = 16, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = check_size("units", units)
        self.seed = seed

    def build(self, vectors_shape: Any, mask_shape: Any = None, importance_shape: Any = None) -> None:
        seeds = [None if self.seed is None else self.seed + 15485863 * (i + 1) for i in range(2)]
        glorot = keras.initializers.GlorotUniform
        self.kernel = self.add_weight(
            name="kernel", shape=(vectors_shape[-1], self.units), initializer=glorot(seeds[0])
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.direction = self.add_weight(name="direction", shape=(self.units, 1), initializer=glorot(seeds[1]))
        self.built = True

    def importance(self, vectors: Any) -> Any:
        """The importance f of each vector: (..., D) to (...), float32."""
        kernel, bias, direction = (ops.cast(one, vectors.dtype) for one in (self.kernel, self.bias, self.direction))
        hidden = ops.tanh(ops.matmul(vectors, kernel) + bias)
        return ops.cast(ops.squeeze(ops.matmul(hidden, direction), -1), "float32")

    def call(self, vectors: Any, mask: Any, importance: Any = None) -> Any:
        scores = self.importance(vectors) if importance is None else importance
        # A finite value far below any score: -inf would give NaN where nothing counts.
        weights = ops.where(mask, ops.softmax(ops.where(mask, scores, -1e9), axis=-1), 0.0)
        record(weights)
        weights = ops.cast(weights, vectors.dtype)
        if vectors.shape[1] == 1:
            return ops.matmul(weights, vectors[:, 0])
        if vectors.shape[0] == 1:
            return ops.einsum("bcn,cnd->bcd", weights, vectors[0])
        return ops.einsum("bcn,bcnd->bcd", weights, vectors)

    def compute_output_shape(self, vectors_shape: Any, mask_shape: Any = None, importance_shape: Any = None) -> Any:
        return (*mask_shape[:2], vectors_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "seed": self.seed}
