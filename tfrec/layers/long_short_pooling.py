"""The two attention levels of SHAN: over old items, then over the result and the new items."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_record import record
from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_size

_NEVER = -1e9  # a logit far below any real one


@keras.saving.register_keras_serializable(package="tfrec")
class LongShortPooling(AttentionScores, MaskedLayer):
    """At each position, short-term attention over long-term attention.

    The newest S items up to and including position l are short-term, all earlier ones long-term:

    ```
    long[l] = sum_j softmax_j(q[l] . act(W1 c[j] + b1)) c[j]        over j <= l - S
    y[l]    = sum_j softmax_j(q[l] . act(W2 c[j] + b2)) c[j]        over l - S < j <= l, and long[l] as one more c
    ```

    So y is a weighted mean of the items, with weights that depend on the query. If there are no long-term items, y is a
    mean of the newest items; at padding on the left y is zero. The windows slide with l, so all positions can be
    trained at once. Cost and memory are those of two self-attentions with one head: B x L x L scores each.

    Args:
        short_term: S, number of short-term items.
        activation: act.

    Shapes:
        queries (B, L, D), context (B, L, D), padding_mask (B, L) bool with True at real positions; output (B, L, D),
        and with `return_attention_scores` also a pair: the long-term weights (B, L, L), and the short-term weights
        (B, L, L + 1) of the items and, in the last column, of the long-term vector.

    Raises:
        ValueError: if S is not a positive integer.

    Reference:
        Ying et al., "Sequential Recommender System based on Hierarchical Attention Network", IJCAI 2018, equations 1 to
        6. In the paper the query is a vector of the user and the short-term set is the newest basket or session.

    Example:
        >>> import numpy as np
        >>> x = np.zeros((1, 3, 4), "float32")
        >>> LongShortPooling(short_term=2)(x, x, np.array([[False, True, True]])).shape
        TensorShape([1, 3, 4])
    """

    masked_by = ("context", 1)
    mask_place = 2

    def __init__(self, short_term: int, activation: str = "relu", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.short_term = check_size("short_term", short_term)
        self.activation = activation

    def build(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...],
        padding_mask_shape: Any = None,
    ) -> None:
        width = context_shape[-1]
        self.long_keys = keras.layers.Dense(width, self.activation, dtype=self.dtype_policy, name="long_keys")
        self.long_keys.build(context_shape)
        self.short_keys = keras.layers.Dense(width, self.activation, dtype=self.dtype_policy, name="short_keys")
        self.short_keys.build(context_shape)

    def call(
        self, queries: Any, context: Any, padding_mask: Any = None, *, return_attention_scores: bool = False
    ) -> Any:
        place = ops.arange(ops.shape(context)[1])
        age = ops.expand_dims(place, 1) - place
        is_real = ops.expand_dims(padding_mask, 1)
        is_long = (age >= self.short_term) & is_real  # (B, L, L)
        is_short = (age >= 0) & (age < self.short_term) & is_real

        long_shares = _shares(_inner(queries, self.long_keys(context)), is_long)
        long = ops.matmul(ops.cast(long_shares, context.dtype), context)

        score_of_long = ops.sum(queries * self.short_keys(long), axis=-1, keepdims=True)
        scores = ops.concatenate([score_of_long, _inner(queries, self.short_keys(context))], axis=-1)
        is_there = ops.concatenate([ops.any(is_long, axis=-1, keepdims=True), is_short], axis=-1)
        shares = ops.cast(_shares(scores, is_there), context.dtype)
        outputs = shares[..., :1] * long + ops.matmul(shares[..., 1:], context)
        if not self.needs_scores(return_attention_scores):
            return outputs
        scores = (long_shares, ops.concatenate([shares[..., 1:], shares[..., :1]], axis=-1))
        for one in scores:
            record(one)
        return self.returned(outputs, scores, return_attention_scores)

    def compute_output_shape(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...],
        padding_mask_shape: Any = None,
    ) -> tuple[int | None, ...]:
        return context_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "short_term": self.short_term, "activation": self.activation}


def _inner(queries: Any, keys: Any) -> Any:
    return ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))


def _shares(scores: Any, is_there: Any) -> Any:
    """A softmax over the existing entries, in float32; all zero if there are none."""
    shares = ops.softmax(ops.where(is_there, ops.cast(scores, "float32"), _NEVER), axis=-1)
    return ops.where(is_there, shares, 0.0)
