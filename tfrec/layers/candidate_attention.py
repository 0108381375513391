"""Multi-head attention of one candidate over a sequence."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_heads, check_size, masked_softmax


@keras.saving.register_keras_serializable(package="tfrec")
class CandidateAttention(AttentionScores, MaskedLayer):
    """Attention of one query over a sequence.

    ```
    a_h = softmax_l((q Q_h + b_h) . (x_l K_h) / sqrt(W / H));  y_h = sum_l a_h[l] x_l V_h + v_h
    y = [y_1; ..; y_H] M + m
    ```

    This is multi-head attention with a single query. K is applied to the query and V to the weighted sum, so the L
    positions need no projection: time grows with L W H instead of L W W. A bias of the keys would cancel in the softmax
    and is left out.

    Args:
        num_heads: H, a divisor of the width W.
        dropout: rate on the weights.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        query (B, W), context (B, L, W), padding_mask (B, L) bool with True at real positions; output (B, W), and with
        `return_attention_scores` also the weights (B, H, L), which sum to 1 over the real positions.

    Raises:
        ValueError: if H does not divide W.

    Reference:
        Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762.

    Example:
        >>> import numpy as np
        >>> query, context = np.ones((1, 4), "float32"), np.ones((1, 3, 4), "float32")
        >>> layer, mask = CandidateAttention(2), np.array([[False, True, True]])
        >>> pooled, weights = layer(query, context, mask, return_attention_scores=True)
        >>> pooled.shape, weights.shape
        (TensorShape([1, 4]), TensorShape([1, 2, 3]))
    """

    masked_by = ("context", 1)
    mask_place = 2
    always_returned_scores = True

    def __init__(self, num_heads: int = 1, dropout: float = 0.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_size("num_heads", num_heads)
        self.dropout = dropout
        self.seed = seed
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="drop")

    def build(
        self, query_shape: tuple[int | None, ...], context_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> None:
        width = query_shape[-1]
        check_heads(self.num_heads, width)
        self.head_width = width // self.num_heads
        seeds = [None if self.seed is None else self.seed + 32452843 * (i + 1) for i in range(4)]
        self.query_map, self.merge = (
            keras.layers.Dense(
                width,
                kernel_initializer=keras.initializers.GlorotUniform(seed),
                dtype=self.dtype_policy,
                name=name,
            )
            for name, seed in (("query_map", seeds[0]), ("merge", seeds[1]))
        )
        self.query_map.build(query_shape)
        self.merge.build(query_shape)
        self.key_map, self.value_map = (
            self.add_weight(name=name, shape=(width, width), initializer=keras.initializers.GlorotUniform(seed))
            for name, seed in (("key_map", seeds[2]), ("value_map", seeds[3]))
        )
        self.value_bias = self.add_weight(name="value_bias", shape=(width,), initializer="zeros")

    def call(
        self,
        query: Any,
        context: Any,
        padding_mask: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        width, heads = self.head_width * self.num_heads, (self.num_heads, self.head_width)
        key_map, value_map = (ops.reshape(each, (width, *heads)) for each in (self.key_map, self.value_map))
        projected = ops.reshape(self.query_map(query), (-1, *heads)) * self.head_width**-0.5
        projected = ops.einsum("bhk,whk->bhw", projected, key_map)
        weights = masked_softmax(ops.einsum("bhw,blw->bhl", projected, context), ops.expand_dims(padding_mask, 1))
        pooled = ops.einsum("bhl,blw->bhw", self.drop(weights, training=training), context)
        found = ops.reshape(ops.einsum("bhw,whk->bhk", pooled, value_map), (-1, width))
        return self.with_scores(self.merge(found + self.value_bias), weights, return_attention_scores)

    def compute_output_shape(
        self, query_shape: tuple[int | None, ...], context_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return query_shape

    def get_config(self) -> dict[str, Any]:
        own = {"num_heads": self.num_heads, "dropout": self.dropout, "seed": self.seed}
        return {**super().get_config(), **own}
