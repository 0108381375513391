"""Cross-attention of queries over a padded context."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.layers.query_key_norm import QueryKeyNorm
from tfrec.ops import check_heads, check_size, masked_softmax


@keras.saving.register_keras_serializable(package="tfrec")
class CrossAttention(AttentionScores, MaskedLayer):
    """Multi-head attention of queries over a padded context. Queries and context may have different widths.

    ```
    a[k, l] = softmax_l (Wq q[k] + bq) . (Wk c[l]) / sqrt(D / H)      over the real positions l
    y[k] = Wo [sum_l a[k, l] (Wv c[l] + bv)] + bo                     heads of width D / H, concatenated
    ```

    With `may_abstain` the softmax has one more term: a learned score s per head for attending to nothing. The weights
    then sum to less than one if little of the context is relevant, like shrunken neighbour weights in collaborative
    filtering.

    If the whole context of a row is padding, its weights are zero and y = bo.

    Args:
        num_heads: H, a divisor of the queries' width D.
        dropout: rate on the weights.
        may_abstain: whether to add s.
        causal: whether query k attends only to positions l <= k, if queries and context are the same sequence.
        qk_norm: whether scores are cosines times a temperature, instead of products divided by sqrt(D / H); see
            `QueryKeyNorm`.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        queries (B, K, D), context (B, L, E), padding_mask (B, L) bool with True at real positions; output (B, K, D),
        and with `return_attention_scores` also the weights (B, H, K, L) float32.

    Raises:
        ValueError: if H does not divide D.

    Reference:
        Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762: the encoder-decoder attention. The
        paper has neither s nor `qk_norm`.

    Example:
        >>> import numpy as np
        >>> asks, answers = np.ones((1, 2, 4), "float32"), np.ones((1, 3, 6), "float32")
        >>> layer, mask = CrossAttention(num_heads=2), np.array([[False, True, True]])
        >>> y, weights = layer(asks, answers, mask, return_attention_scores=True)
        >>> y.shape, np.asarray(weights)[0, 0, 0].tolist()
        (TensorShape([1, 2, 4]), [0.0, 0.5, 0.5])
    """

    masked_by = ("context", 1)
    mask_place = 2
    always_returned_scores = True

    def __init__(
        self,
        num_heads: int = 1,
        dropout: float = 0.0,
        may_abstain: bool = False,
        causal: bool = False,
        qk_norm: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_size("num_heads", num_heads)
        self.dropout = dropout
        self.may_abstain = may_abstain
        self.causal = causal
        self.qk_norm = qk_norm
        self.seed = seed
        self.norm = QueryKeyNorm(self.num_heads, dtype=self.dtype_policy, name="norm") if qk_norm else None
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="drop")

    def build(self, queries_shape: tuple[int | None, ...], context_shape: Any, padding_mask_shape: Any = None) -> None:
        width, policy = queries_shape[-1], self.dtype_policy
        check_heads(self.num_heads, width)

        def made(name: str, place: int, shape: tuple[int | None, ...]) -> keras.layers.Dense:
            start = keras.initializers.GlorotUniform(None if self.seed is None else self.seed + place)
            # No bias for the keys: it would add the same number to all scores of a query.
            use_bias = name != "key_map"
            dense = keras.layers.Dense(width, use_bias=use_bias, kernel_initializer=start, dtype=policy, name=name)
            dense.build(shape)
            return dense

        self.query_map = made("query_map", 1, queries_shape)
        self.key_map = made("key_map", 2, context_shape)
        self.value_map = made("value_map", 3, context_shape)
        self.output_map = made("output_map", 4, queries_shape)
        if self.norm:
            self.norm.build()
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
        projected, keys, values = self.query_map(queries), self.key_map(context), self.value_map(context)
        each = projected.shape[-1] // self.num_heads
        projected, keys, values = (self._in_heads(x, each) for x in (projected, keys, values))
        projected, keys = self.norm(projected, keys) if self.norm else (projected * each**-0.5, keys)
        # Softmax in float32: half precision loses small weights.
        scores = ops.cast(ops.matmul(projected, ops.transpose(keys, (0, 1, 3, 2))), "float32")
        is_real = ops.expand_dims(ops.expand_dims(padding_mask, 1), 1)
        if self.causal:
            place = ops.arange(ops.shape(context)[1])
            is_real = is_real & (ops.expand_dims(place, 1) >= place)
        if self.may_abstain:  # one more position, for attending to nothing
            nothing = ops.reshape(ops.cast(self.abstain, "float32"), (1, self.num_heads, 1, 1))
            scores = ops.concatenate([nothing + ops.zeros_like(scores[..., :1]), scores], axis=-1)
            is_real = ops.concatenate([ops.ones_like(is_real[..., :1]), is_real], axis=-1)
        weights = masked_softmax(scores, is_real)
        weights = weights[..., 1:] if self.may_abstain else weights
        found = ops.matmul(self.drop(ops.cast(weights, values.dtype), training=training), values)
        shape = ops.shape(queries)
        together = ops.reshape(ops.transpose(found, (0, 2, 1, 3)), (shape[0], shape[1], self.num_heads * each))
        return self.with_scores(self.output_map(together), weights, return_attention_scores)

    def _in_heads(self, x: Any, each: int) -> Any:
        shape = ops.shape(x)
        return ops.transpose(ops.reshape(x, (shape[0], shape[1], self.num_heads, each)), (0, 2, 1, 3))

    def compute_output_shape(
        self, queries_shape: tuple[int | None, ...], context_shape: Any = None, padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return queries_shape

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "may_abstain": self.may_abstain,
            "causal": self.causal,
            "qk_norm": self.qk_norm,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
