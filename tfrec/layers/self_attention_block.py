"""The block of SASRec: self-attention, then a position-wise map."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.feed_forward import FeedForward


@keras.saving.register_keras_serializable(package="tfrec")
class SelfAttentionBlock(keras.layers.Layer):
    """One self-attention block over a padded sequence, as in SASRec.

    ```
    q = norm(x);  a = q + attention(q, x, x)      queries are normalised, keys and values are not
    h = norm(a);  y = h + feed_forward(h)
    ```

    Positions that are padding neither attend with effect nor are attended to: no output at a real position depends on
    them, and their own output is zero.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate on the attention weights and inside the position-wise map.
        causal: whether a position sees only itself and what came before.
        inner_dim: width of the position-wise map; None takes D.
        activation: of the position-wise map.

    Shapes:
        inputs (B, L, D), padding_mask (B, L) bool with True at real positions; output (B, L, D).

    Raises:
        ValueError: where H does not divide D.

    Reference:
        Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv 1808.09781. As in the authors'
        code, residuals start from the normalised input. Unlike there, heads are joined by a learned map, which is how
        `keras.layers.MultiHeadAttention` and the PyTorch SASRecs do it.

    Example:
        >>> import numpy as np
        >>> block = SelfAttentionBlock(num_heads=2)
        >>> block(np.zeros((1, 3, 4), "float32"), np.array([[False, True, True]])).shape
        TensorShape([1, 3, 4])
    """

    def __init__(
        self,
        num_heads: int = 1,
        dropout: float = 0.0,
        causal: bool = True,
        inner_dim: int | None = None,
        activation: str = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout
        self.causal = causal
        self.inner_dim = inner_dim
        self.activation = activation
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=self.dtype_policy, name="attention_norm"
        )
        self.feed_forward_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=self.dtype_policy, name="feed_forward_norm"
        )
        self.feed_forward = FeedForward(inner_dim, activation, dropout, dtype=self.dtype_policy, name="feed_forward")

    def build(self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None) -> None:
        """Make the attention for the input's width."""
        width = inputs_shape[-1]
        if width % self.num_heads:
            raise ValueError(f"num_heads must divide the width of the input: got num_heads={self.num_heads}, {width=}.")
        self.attention = keras.layers.MultiHeadAttention(
            self.num_heads, width // self.num_heads, dropout=self.dropout, dtype=self.dtype_policy, name="attention"
        )
        self.attention.build(inputs_shape, inputs_shape)
        self.attention_norm.build(inputs_shape)
        self.feed_forward_norm.build(inputs_shape)
        self.feed_forward.build(inputs_shape)

    def call(self, inputs: Any, padding_mask: Any, training: bool | None = None) -> Any:
        """Attend within each sequence."""
        keep = ops.cast(ops.expand_dims(padding_mask, -1), inputs.dtype)
        queries = self.attention_norm(inputs)
        attended = self.attention(
            queries,
            inputs,
            inputs,
            attention_mask=ops.expand_dims(padding_mask, 1),
            use_causal_mask=self.causal,
            training=training,
        )
        hidden = self.feed_forward_norm(queries + attended)
        return (hidden + self.feed_forward(hidden, training=training)) * keep

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        """The shape of `inputs`."""
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "causal": self.causal,
            "inner_dim": self.inner_dim,
            "activation": self.activation,
        }
        return {**super().get_config(), **own}
