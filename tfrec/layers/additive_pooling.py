"""Additive attention pooling of a sequence up to each position."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import additive_scores, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class AdditivePooling(AttentionScores, MaskedLayer):
    """At each position, the sum of the context up to that position, weighted by additive attention.

    ```
    a[l, j] = v . sigmoid(Wq q[l] + Wk c[j] + b);  y[l] = sum_{j <= l} a[l, j] c[j]
    ```

    The weights are those of NARM and STAMP: without a softmax, they need not sum to 1 and can be negative, so the norm
    of the output can grow with the length of the history. No position attends to padding; the output at padding on the
    left is zero.

    The forward pass costs B x L x L x inner_dim sigmoids, and the gradient as many again; memory grows with B x L x L
    (see `tfrec.ops.additive_scores`).

    Args:
        inner_dim: width of the space where queries and context are added; None means the width D of the context.
        use_bias: whether to add b.

    Shapes:
        queries (B, L, E), context (B, L, D), padding_mask (B, L) bool with True at real positions; output (B, L, D),
        and with `return_attention_scores` also the weights (B, L, L).

    Reference:
        Li et al., "Neural Attentive Session-based Recommendation", CIKM 2017, arXiv 1711.04725, equations 7 and 8; Liu
        et al., "STAMP: Short-Term Attention/Memory Priority Model for Session-based Recommendation", KDD 2018,
        equations 7 and 8. Both pool a session once, at its end; this layer pools every prefix of it.

    Example:
        >>> import numpy as np
        >>> x = np.zeros((1, 3, 4), "float32")
        >>> AdditivePooling()(x, x, np.array([[False, True, True]])).shape
        TensorShape([1, 3, 4])
    """

    masked_by = ("context", 1)
    mask_place = 2

    def __init__(self, inner_dim: int | None = None, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner_dim = check_size("inner_dim", inner_dim, optional=True)
        self.use_bias = use_bias

    def build(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...],
        padding_mask_shape: Any = None,
    ) -> None:
        inner = self.inner_dim or context_shape[-1]
        self.query_map = keras.layers.Dense(inner, use_bias=self.use_bias, dtype=self.dtype_policy, name="query_map")
        self.query_map.build(queries_shape)
        self.key_map = keras.layers.Dense(inner, use_bias=False, dtype=self.dtype_policy, name="key_map")
        self.key_map.build(context_shape)
        self.vector = self.add_weight(
            name="vector", shape=(inner,), initializer=keras.initializers.RandomUniform(-(inner**-0.5), inner**-0.5)
        )

    def call(
        self, queries: Any, context: Any, padding_mask: Any = None, *, return_attention_scores: bool = False
    ) -> Any:
        scores = additive_scores(self.query_map(queries), self.key_map(context), ops.convert_to_tensor(self.vector))
        place = ops.arange(ops.shape(context)[1])
        is_seen = (ops.expand_dims(place, 1) >= place) & ops.expand_dims(padding_mask, 1)
        weights = ops.where(is_seen, scores, ops.zeros_like(scores))
        return self.with_scores(ops.matmul(weights, context), weights, return_attention_scores)

    def compute_output_shape(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...],
        padding_mask_shape: Any = None,
    ) -> tuple[int | None, ...]:
        return context_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner_dim": self.inner_dim, "use_bias": self.use_bias}
