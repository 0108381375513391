"""Self-attention over the features of a row."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.query_key_norm import QueryKeyNorm
from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class InteractingAttention(AttentionScores):
    """Multi-head self-attention over the features of a row, the interacting layer of AutoInt.

    ```
    a[h, i, j] = softmax_j((Wq_h x_i) . (Wk_h x_j));  z_i = [sum_j a[1, i, j] Wv_1 x_j; ..; sum_j a[H, i, j] Wv_H x_j]
    y_i = relu(z_i + Wr x_i)
    ```

    A stack of i layers can model interactions of up to 2^i features. The softmax is computed in float32.

    Args:
        num_heads: H.
        head_dim: K, width of a head.
        use_residual: whether to add Wr x_i.
        dropout: rate on the weights.
        qk_norm: whether scores are cosines times a temperature; see `QueryKeyNorm`.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        input (B, F, D); output (B, F, H K), and with `return_attention_scores` also the weights (B, H, F, F) float32
        before dropout.

    Reference:
        Song et al., "AutoInt: Automatic Feature Interaction Learning via Self-Attentive Neural Networks", CIKM 2019,
        arXiv 1810.11921, equations 5 to 8. As in the paper, the scores are not divided by sqrt(K). `qk_norm` is ours.

    Example:
        >>> import numpy as np
        >>> layer = InteractingAttention(num_heads=2, head_dim=4)
        >>> outputs, weights = layer(np.zeros((1, 5, 3), "float32"), return_attention_scores=True)
        >>> outputs.shape, weights.shape
        (TensorShape([1, 5, 8]), TensorShape([1, 2, 5, 5]))
    """

    always_returned_scores = True

    def __init__(
        self,
        num_heads: int = 2,
        head_dim: int = 32,
        use_residual: bool = True,
        dropout: float = 0.0,
        qk_norm: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_size("num_heads", num_heads)
        self.head_dim = check_size("head_dim", head_dim)
        self.use_residual = use_residual
        self.dropout = dropout
        self.qk_norm = qk_norm
        self.seed = seed
        self.norm = QueryKeyNorm(self.num_heads, dtype=self.dtype_policy, name="norm") if qk_norm else None
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="drop")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        # Different seeds: with equal initial maps of queries and keys, every feature would attend to itself.
        self.query_map = self._map("query_map", 1, input_shape)
        self.key_map = self._map("key_map", 2, input_shape)
        self.value_map = self._map("value_map", 3, input_shape)
        if self.use_residual:
            self.residual_map = self._map("residual_map", 4, input_shape)
        if self.norm:
            self.norm.build()

    def _map(self, name: str, place: int, input_shape: tuple[int | None, ...]) -> keras.layers.Dense:
        start = keras.initializers.GlorotUniform(None if self.seed is None else self.seed + 104729 * place)
        width = self.num_heads * self.head_dim
        dense = keras.layers.Dense(width, use_bias=False, kernel_initializer=start, dtype=self.dtype_policy, name=name)
        dense.build(input_shape)
        return dense

    def call(self, inputs: Any, training: bool | None = None, *, return_attention_scores: bool = False) -> Any:
        queries, keys, values = (self._heads(each(inputs)) for each in (self.query_map, self.key_map, self.value_map))
        if self.norm:
            queries, keys = self.norm(queries, keys)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        weights = ops.softmax(ops.cast(scores, "float32"), axis=-1)
        kept = self.drop(ops.cast(weights, self.compute_dtype), training=training)
        joined = ops.transpose(ops.matmul(kept, values), (0, 2, 1, 3))
        outputs = ops.reshape(joined, (-1, inputs.shape[1], self.num_heads * self.head_dim))
        if self.use_residual:
            outputs = outputs + self.residual_map(inputs)
        return self.with_scores(ops.relu(outputs), weights, return_attention_scores)

    def _heads(self, inputs: Any) -> Any:
        """(B, F, H K) to (B, H, F, K)."""
        parted = ops.reshape(inputs, (-1, inputs.shape[1], self.num_heads, self.head_dim))
        return ops.transpose(parted, (0, 2, 1, 3))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:2], self.num_heads * self.head_dim)

    def get_config(self) -> dict[str, Any]:
        own = {"num_heads": self.num_heads, "head_dim": self.head_dim, "use_residual": self.use_residual}
        own |= {"dropout": self.dropout, "qk_norm": self.qk_norm, "seed": self.seed}
        return {**super().get_config(), **own}
