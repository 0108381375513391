"""Scaled dot-product attention over a padded sequence."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_heads, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class SoftmaxAttention(AttentionScores, MaskedLayer):
    """Multi-head softmax attention of every position over the real positions that it may attend to.

    `y_i = W_o [ sum_j softmax_j(q_i . k_j / sqrt(D / H)) v_j ]`, heads concatenated, j <= i if causal.

    This is `keras.layers.MultiHeadAttention` with the call that all attention layers of `SelfAttentionBlock` share.
    Time and memory grow with L^2.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate on the attention weights.
        causal: whether a position attends only to itself and earlier positions.

    Shapes:
        queries and context (B, L, D), padding_mask (B, L) bool with True at real positions; output (B, L, D),
        meaningless at padding, and with `return_attention_scores` also the scores (B, H, L, L).

    Raises:
        ValueError: if H does not divide D.

    Reference:
        Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762.

    Example:
        >>> import numpy as np
        >>> x, mask = np.ones((1, 3, 4), "float32"), np.array([[False, True, True]])
        >>> SoftmaxAttention(num_heads=2)(x, x, mask).shape
        TensorShape([1, 3, 4])
    """

    masked_by = ("context", 1)
    mask_place = 2

    def __init__(self, num_heads: int = 1, dropout: float = 0.0, causal: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_size("num_heads", num_heads)
        self.dropout = dropout
        self.causal = causal

    def build(
        self, queries_shape: tuple[int | None, ...], context_shape: Any = None, padding_mask_shape: Any = None
    ) -> None:
        width = queries_shape[-1]
        check_heads(self.num_heads, width)
        self.heads = keras.layers.MultiHeadAttention(
            self.num_heads, width // self.num_heads, dropout=self.dropout, dtype=self.dtype_policy, name="heads"
        )
        self.heads.build(queries_shape, queries_shape)

    def call(
        self,
        queries: Any,
        context: Any,
        padding_mask: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        how = {
            "attention_mask": ops.expand_dims(padding_mask, 1),
            "use_causal_mask": self.causal,
            "training": training,
        }
        if not self.needs_scores(return_attention_scores):  # so Keras can use a fused kernel
            return self.heads(queries, context, context, **how)
        outputs, scores = self.heads(queries, context, context, return_attention_scores=True, **how)
        return self.with_scores(outputs, scores, return_attention_scores)

    def compute_output_shape(
        self, queries_shape: tuple[int | None, ...], context_shape: Any = None, padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return queries_shape

    def get_config(self) -> dict[str, Any]:
        own = {"num_heads": self.num_heads, "dropout": self.dropout, "causal": self.causal}
        return {**super().get_config(), **own}
