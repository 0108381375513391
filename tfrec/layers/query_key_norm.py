"""Query-key normalisation: attention scores are cosines times a learned temperature."""

import math
from typing import Any

import keras
from keras import ops

from tfrec.ops import check_size, unit_vectors


@keras.saving.register_keras_serializable(package="tfrec")
class QueryKeyNorm(keras.layers.Layer):
    """Normalises queries and keys, so that their products are cosines times a learned temperature per head.

    `q' = exp(t_h) q / |q|,  k' = k / |k|,  so  q' . k' = exp(t_h) cos(q, k)`

    Products of small vectors are nearly 0 and their softmax is nearly uniform, so queries and keys get almost no
    gradient. Vectors of categories start small, and L2 penalties keep them small.

    Args:
        num_heads: H.
        start: initial temperature exp(t_h).

    Shapes:
        queries (B, H, K, D) and keys (B, H, L, D); returns both with the same shapes.

    Raises:
        ValueError: if `num_heads` is not a positive integer, or `start` is not above 0.

    Reference:
        Henry et al., "Query-Key Normalization for Transformers", Findings of EMNLP 2020, arXiv 2010.04245. In the paper
        all heads share one temperature.

    Example:
        >>> import numpy as np
        >>> ask, key = np.array([[[[3.0, 4.0]]]], "float32"), np.array([[[[0.0, 0.1]]]], "float32")
        >>> queries, keys = QueryKeyNorm(num_heads=1, start=10.0)(ask, key)
        >>> np.asarray(queries).round().tolist(), np.asarray(keys).tolist()
        ([[[[6.0, 8.0]]]], [[[[0.0, 1.0]]]])
    """

    def __init__(self, num_heads: int, start: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_size("num_heads", num_heads)
        if not start > 0:
            raise ValueError(f"start must be a temperature above 0, got {start!r}.")
        self.start = start

    def build(self, queries_shape: Any = None, keys_shape: Any = None) -> None:
        """Create the logarithms of the temperatures; so the temperatures stay above 0."""
        start = keras.initializers.Constant(math.log(self.start))
        self.temperature = self.add_weight(name="temperature", shape=(self.num_heads, 1, 1), initializer=start)

    def call(self, queries: Any, keys: Any) -> tuple[Any, Any]:
        temperature = ops.cast(ops.exp(ops.cast(self.temperature, "float32")), self.compute_dtype)
        return unit_vectors(queries) * temperature, unit_vectors(keys)

    def compute_output_shape(self, queries_shape: Any, keys_shape: Any) -> tuple[Any, Any]:
        return queries_shape, keys_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_heads": self.num_heads, "start": self.start}
