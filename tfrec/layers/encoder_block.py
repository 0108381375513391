"""A self-attention block that also returns its weights."""

from typing import Any

import keras

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.cross_attention import CrossAttention
from tfrec.layers.feed_forward import FeedForward
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class EncoderBlock(AttentionScores, MaskedLayer):
    """Self-attention and a feed-forward network, with residuals; returns the attention weights on request.

    ```
    h = x + drop(attention(norm(x), norm(x)));  y = h + feed_forward(norm(h))
    ```

    It is the "pre-norm" form of `tfrec.layers.SelfAttentionBlock`, for sets and short sequences whose weights are
    inspected or supervised. No output at a real position depends on padding.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate, on the weights, on the output of the attention, and in the feed-forward network.
        causal: whether a position attends only to itself and earlier positions.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        inputs (B, L, D), padding_mask (B, L) bool with True at real positions; output (B, L, D), and with
        `return_attention_scores` also the weights (B, H, L, L) float32, queries before keys.

    Reference:
        Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762; the norm comes first, as in
        Xiong et al., "On Layer Normalization in the Transformer Architecture", ICML 2020, arXiv 2002.04745.

    Example:
        >>> import numpy as np
        >>> x, mask = np.ones((1, 3, 4), "float32"), np.array([[False, True, True]])
        >>> y, weights = EncoderBlock(2)(x, mask, return_attention_scores=True)
        >>> y.shape, np.asarray(weights)[0, 0, 2].tolist()
        (TensorShape([1, 3, 4]), [0.0, 0.5, 0.5])
    """

    masked_by = ("inputs", 0)
    mask_place = 1
    always_returned_scores = True

    def __init__(
        self, num_heads: int = 1, dropout: float = 0.0, causal: bool = False, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_size("num_heads", num_heads)
        self.dropout = dropout
        self.causal = causal
        self.seed = seed
        policy = self.dtype_policy
        self.attention = CrossAttention(num_heads, dropout, causal=causal, seed=seed, dtype=policy, name="attention")
        self.feed_forward = FeedForward(dropout=dropout, seed=seed, dtype=policy, name="feed_forward")
        self.attention_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="attention_norm")
        self.feed_forward_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="feed_forward_norm")
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")

    def build(self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None) -> None:
        self.attention.build(inputs_shape, inputs_shape, padding_mask_shape)
        for layer in (self.feed_forward, self.attention_norm, self.feed_forward_norm):
            layer.build(inputs_shape)

    def call(
        self,
        inputs: Any,
        padding_mask: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        normed = self.attention_norm(inputs)
        change, weights = self.attention(normed, normed, padding_mask, training=training, return_attention_scores=True)
        hidden = inputs + self.drop(change, training=training)
        outputs = hidden + self.feed_forward(self.feed_forward_norm(hidden), training=training)
        return self.returned(outputs, weights, return_attention_scores)

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        own = {"num_heads": self.num_heads, "dropout": self.dropout, "causal": self.causal, "seed": self.seed}
        return {**super().get_config(), **own}
