"""A self-attention block: an attention layer, a feed-forward layer, and residual connections."""

import inspect
from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.feed_forward import FeedForward
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.layers.softmax_attention import SoftmaxAttention

RESIDUALS = ("sasrec", "pre-norm", "post-norm", "gated")


@keras.saving.register_keras_serializable(package="tfrec")
class SelfAttentionBlock(AttentionScores, MaskedLayer):
    """A self-attention block over a padded sequence, built from an attention and a feed-forward layer.

    `attention` mixes positions, `feed_forward` transforms each position, and `residual` selects how both are combined
    with the input:

    ```
    sasrec      q = norm(x);  h = norm(q + attention(q, x));  y = h + feed_forward(h)
    pre-norm    h = x + attention(norm(x));                   y = h + feed_forward(norm(h))
    post-norm   h = norm(x + attention(x));                   y = norm(h + feed_forward(h))
    gated       h = x + attention(norm(x)) * sigmoid(x G1);   y = h + feed_forward(norm(h)) * sigmoid(h G2)
    ```

    No output at a real position depends on padding, and the output at padding is zero.

    Args:
        attention: a layer called as `attention(queries, context, padding_mask, training=...)`, with `pairs` after the
            mask if the block gets them; None means `SoftmaxAttention()`, which is causal.
        feed_forward: a layer (B, L, D) -> (B, L, D); None means `FeedForward()`.
        residual: "sasrec", "pre-norm", "post-norm" or "gated", as above.
        dropout: rate on the output of the attention. The two layers have their own dropout.

    Shapes:
        inputs (B, L, D), padding_mask (B, L) bool with True at real positions; output (B, L, D), and with
        `return_attention_scores` also the scores of the attention. Optional pairs (B, L, L), for an attention that
        reads a value for each pair of positions, such as `TimeIntervalAttention`.

    Raises:
        ValueError: if `residual` is unknown, or scores are requested but the attention cannot return them.

    Reference:
        sasrec: Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv 1808.09781; as in the
        authors' code, residuals start from the normalised input. Unlike their code, there is an output projection over
        the heads, as in `keras.layers.MultiHeadAttention` and the PyTorch SASRecs. post-norm: Vaswani et al., 2017, and
        BERT. gated: LiGR, Borisyuk et al., 2025, arXiv 2502.03417, as eSASRec uses it (arXiv 2508.06450).

    Example:
        >>> import numpy as np
        >>> block = SelfAttentionBlock(SoftmaxAttention(num_heads=2), residual="pre-norm")
        >>> block(np.zeros((1, 3, 4), "float32"), np.array([[False, True, True]])).shape
        TensorShape([1, 3, 4])
    """

    masked_by = ("inputs", 0)
    mask_place = 1

    def __init__(
        self,
        attention: keras.layers.Layer | None = None,
        feed_forward: keras.layers.Layer | None = None,
        residual: str = "sasrec",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if residual not in RESIDUALS:
            raise ValueError(f"residual must be one of {', '.join(RESIDUALS)}, got {residual!r}.")
        policy = self.dtype_policy
        self.attention = attention or SoftmaxAttention(dtype=policy, name="attention")
        self.feed_forward = feed_forward or FeedForward(dtype=policy, name="feed_forward")
        self.residual = residual
        self.dropout = dropout
        self.attention_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="attention_norm")
        self.feed_forward_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="feed_forward_norm")
        self.drop = keras.layers.Dropout(dropout, dtype=policy, name="drop")

    def build(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None, pairs_shape: Any = None
    ) -> None:
        if not self.attention.built:  # a layer from a config is already built
            self.attention.build(inputs_shape, inputs_shape, padding_mask_shape)
        if not self.feed_forward.built:
            self.feed_forward.build(inputs_shape)
        self.attention_norm.build(inputs_shape)
        self.feed_forward_norm.build(inputs_shape)
        if self.residual == "gated":
            self.attention_gate, self.feed_forward_gate = (
                keras.layers.Dense(inputs_shape[-1], activation="sigmoid", dtype=self.dtype_policy, name=name)
                for name in ("attention_gate", "feed_forward_gate")
            )
            self.attention_gate.build(inputs_shape)
            self.feed_forward_gate.build(inputs_shape)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras.

        Raises:
            ValueError: if scores are requested but the attention cannot return them.
        """
        given = inspect.signature(self.attention.call).parameters
        if kwargs.get("return_attention_scores") and "return_attention_scores" not in given:
            raise ValueError(
                f"{type(self).__name__} cannot return attention scores, because the call of its attention, "
                f"{type(self.attention).__name__}, has no argument return_attention_scores."
            )
        return super().__call__(*args, **kwargs)

    def call(
        self,
        inputs: Any,
        padding_mask: Any = None,
        pairs: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        scores = []
        known = (padding_mask,) if pairs is None else (padding_mask, pairs)

        def attend(queries: Any, context: Any) -> Any:
            if return_attention_scores:
                how = {"training": training, "return_attention_scores": True}
                change, found = self.attention(queries, context, *known, **how)
                scores.append(found)
            else:
                change = self.attention(queries, context, *known, training=training)
            return self.drop(change, training=training)

        def feed(hidden: Any) -> Any:
            return self.feed_forward(hidden, training=training)

        first, second = self.attention_norm, self.feed_forward_norm
        if self.residual == "sasrec":
            queries = first(inputs)
            hidden = second(queries + attend(queries, inputs))
            outputs = hidden + feed(hidden)
        elif self.residual == "post-norm":
            hidden = first(inputs + attend(inputs, inputs))
            outputs = second(hidden + feed(hidden))
        else:
            queries = first(inputs)
            change = attend(queries, queries)
            hidden = inputs + (change * self.attention_gate(inputs) if self.residual == "gated" else change)
            change = feed(second(hidden))
            outputs = hidden + (change * self.feed_forward_gate(hidden) if self.residual == "gated" else change)
        outputs = outputs * ops.cast(ops.expand_dims(padding_mask, -1), outputs.dtype)
        return self.returned(outputs, *scores, return_attention_scores) if scores else outputs

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None, pairs_shape: Any = None
    ) -> tuple[int | None, ...]:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        own = {
            "attention": keras.saving.serialize_keras_object(self.attention),
            "feed_forward": keras.saving.serialize_keras_object(self.feed_forward),
            "residual": self.residual,
            "dropout": self.dropout,
        }
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SelfAttentionBlock":
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("attention", "feed_forward")}
        return cls(**{**config, **parts})
