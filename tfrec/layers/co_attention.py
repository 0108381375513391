"""Attention of two sets over each other, from one matrix of scores."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_heads, check_size, masked_softmax


@keras.saving.register_keras_serializable(package="tfrec")
class CoAttention(MaskedLayer):
    """Two sets of vectors attend to each other: one matrix of scores, with a softmax along each of its axes.

    ```
    s[k, l] = (Wq norm(x[k]) + bq) . (Wk norm(y[l])) / sqrt(D / H)
    a[k, l] = softmax_l s[k, l]  over the real positions l;    to_x[k] = Wx [sum_l a[k, l] (Wv y[l] + bv)] + bx
    b[l, k] = softmax_k s[k, l];                               to_y[l] = Wy [sum_k b[l, k] (Wu x[k] + bu)] + by
    ```

    The heads have the width D / H and are concatenated. With `may_abstain`, the softmax over l has one more term, a
    learned score per head for attending to nothing, as in `tfrec.layers.CrossAttention`. If all positions of a row are
    padding, `a` is 0.

    The vectors are normalised only for the scores: vectors of categories start small, so without the norm all scores
    would start near 0.

    Args:
        num_heads: H, a divisor of the width D of the queries.
        dropout: rate on the weights.
        may_abstain: whether the attention over the context may attend to nothing.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        queries (B, K, D), context (B, L, E), padding_mask (B, L) bool with True at real positions of the context. The
        outputs are to_x (B, K, D) and to_y (B, L, D); with `return_attention_scores` also `a` (B, H, K, L) and `b`
        (B, H, L, K), float32.

    Raises:
        ValueError: if H does not divide D.

    Reference:
        Lu et al., "Hierarchical Question-Image Co-Attention for Visual Question Answering", NeurIPS 2016,
        arXiv 1606.00061, section 3.3; Xiong et al., "Dynamic Coattention Networks for Question Answering", ICLR 2017,
        arXiv 1611.01604, which computes both softmaxes from one matrix of products. The heads, the norms and the
        learned score for attending to nothing are ours.

    Example:
        >>> import numpy as np
        >>> layer, mask = CoAttention(num_heads=2), np.array([[False, True, True]])
        >>> x, y = np.ones((1, 2, 4), "float32"), np.ones((1, 3, 6), "float32")
        >>> to_x, to_y, a, b = layer(x, y, mask, return_attention_scores=True)
        >>> to_x.shape, to_y.shape, np.asarray(a)[0, 0, 0].tolist(), np.asarray(b)[0, 0, 0].tolist()
        (TensorShape([1, 2, 4]), TensorShape([1, 3, 4]), [0.0, 0.5, 0.5], [0.5, 0.5])
    """

    masked_by = ("context", 1)
    mask_place = 2

    def __init__(
        self,
        num_heads: int = 1,
        dropout: float = 0.0,
        may_abstain: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_size("num_heads", num_heads)
        self.dropout = dropout
        self.may_abstain = may_abstain
        self.seed = seed
        policy = self.dtype_policy
        self.query_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="query_norm")
        self.context_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="context_norm")
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")

    def build(self, queries_shape: tuple[int | None, ...], context_shape: Any, padding_mask_shape: Any = None) -> None:
        width, policy = queries_shape[-1], self.dtype_policy
        check_heads(self.num_heads, width)
        self.query_norm.build(queries_shape)
        self.context_norm.build(context_shape)

        def made(name: str, place: int, shape: tuple[int | None, ...]) -> keras.layers.Dense:
            start = keras.initializers.GlorotUniform(None if self.seed is None else self.seed + place)
            use_bias = name != "key_map"  # it would add the same to all scores of a query
            dense = keras.layers.Dense(width, use_bias=use_bias, kernel_initializer=start, dtype=policy, name=name)
            dense.build(shape)
            return dense

        self.query_map = made("query_map", 1, queries_shape)
        self.key_map = made("key_map", 2, context_shape)
        self.context_value_map = made("context_value_map", 3, context_shape)
        self.query_value_map = made("query_value_map", 4, queries_shape)
        self.query_output_map = made("query_output_map", 5, queries_shape)
        self.context_output_map = made("context_output_map", 6, (*context_shape[:-1], width))
        if self.may_abstain:
            self.abstain = self.add_weight(name="abstain", shape=(self.num_heads,), initializer="zeros")

    def call(
        self,
        queries: Any,
        context: Any,
        padding_mask: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        projected = self._in_heads(self.query_map(self.query_norm(queries)))
        keys = self._in_heads(self.key_map(self.context_norm(context)))
        # Softmax in float32: half types lose small weights.
        scores = ops.cast(
            ops.matmul(projected * projected.shape[-1] ** -0.5, ops.transpose(keys, (0, 1, 3, 2))), "float32"
        )
        over_queries = ops.softmax(ops.transpose(scores, (0, 1, 3, 2)), axis=-1)
        is_real = ops.expand_dims(ops.expand_dims(padding_mask, 1), 1)
        if self.may_abstain:
            nothing = ops.reshape(ops.cast(self.abstain, "float32"), (1, self.num_heads, 1, 1))
            scores = ops.concatenate([nothing + ops.zeros_like(scores[..., :1]), scores], axis=-1)
            is_real = ops.concatenate([ops.ones_like(is_real[..., :1]), is_real], axis=-1)
        over_context = masked_softmax(scores, is_real)
        over_context = over_context[..., 1:] if self.may_abstain else over_context
        to_queries = self._answer(over_context, self.context_value_map(context), training)
        to_context = self._answer(over_queries, self.query_value_map(queries), training)
        found = self.query_output_map(to_queries), self.context_output_map(to_context)
        return (*found, over_context, over_queries) if return_attention_scores else found

    def _answer(self, weights: Any, values: Any, training: bool | None) -> Any:
        found = ops.matmul(self.drop(ops.cast(weights, values.dtype), training=training), self._in_heads(values))
        shape, width = ops.shape(found), values.shape[-1]
        return ops.reshape(ops.transpose(found, (0, 2, 1, 3)), (shape[0], shape[2], width))

    def _in_heads(self, x: Any) -> Any:
        shape, each = ops.shape(x), x.shape[-1] // self.num_heads
        return ops.transpose(ops.reshape(x, (shape[0], shape[1], self.num_heads, each)), (0, 2, 1, 3))

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "may_abstain": self.may_abstain,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
