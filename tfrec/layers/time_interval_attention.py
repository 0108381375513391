"""Self-attention with time intervals and positions."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_heads, check_length, check_size, last_rows


@keras.saving.register_keras_serializable(package="tfrec")
class TimeIntervalAttention(AttentionScores, MaskedLayer):
    """Causal self-attention with keys and values for the time between two items, and for positions.

    ```
    e[i, j] = q_i . (k_j + Pk[j] + Ek[r_ij]) / sqrt(D / H)            a = softmax over j <= i, without padding
    y_i     = W_o sum_j drop(a)[i, j] (v_j + Pv[j] + Ev[r_ij])        r_ij = intervals[i, j]
    ```

    Each head has its share of the D columns. Positions are counted from the newest item. No (B, L, L, D) tensor is
    created: `q_i . Ek[r]` is computed for the R buckets and looked up at `r_ij`, and the weights of each query are
    summed by bucket before the product with `Ev`. Both are (B, H, L, R).

    No position attends to padding; outputs at padding are meaningless.

    Args:
        max_length: the longest sequence.
        num_heads: H, a divisor of the width D.
        dropout: rate on the attention weights.
        num_buckets: R.

    Shapes:
        queries and context (B, L, D), padding_mask (B, L) bool with True at real positions, intervals (B, L, L) int32
        below R, which `TimeIntervals` computes from timestamps; output (B, L, D), and with `return_attention_scores`
        also the scores (B, H, L, L).

    Raises:
        ValueError: if H does not divide D, or L is known and greater than `max_length`.

    Reference:
        Li, Wang and McAuley, "Time Interval Aware Self-Attention for Sequential Recommendation", WSDM 2020. In the
        paper the unit of an interval is the user's shortest interval, which is known only at the end of the history: in
        training, a later item would change the inputs of earlier positions. `TimeIntervals` are fixed and logarithmic,
        and cover seconds as well as years. Also, here each layer has its own P and E, dropout acts only on the
        attention weights, and there is an output projection over the heads.

    Example:
        >>> import numpy as np
        >>> from tfrec.layers import TimeIntervals
        >>> x, stamps = np.zeros((1, 3, 4), "float32"), np.array([[0, 1_500_000_000, 1_500_086_400]])
        >>> layer = TimeIntervalAttention(max_length=10, num_heads=2)
        >>> layer(x, x, np.array([[False, True, True]]), TimeIntervals()(stamps)).shape
        TensorShape([1, 3, 4])
    """

    masked_by = ("context", 1)
    mask_place = 2

    def __init__(
        self,
        max_length: int,
        num_heads: int = 1,
        dropout: float = 0.0,
        num_buckets: int = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_length = check_size("max_length", max_length)
        self.num_heads = check_size("num_heads", num_heads)
        self.dropout = dropout
        self.num_buckets = check_size("num_buckets", num_buckets)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="drop")

    def build(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: Any = None,
        padding_mask_shape: Any = None,
        intervals_shape: Any = None,
    ) -> None:
        width = queries_shape[-1]
        check_heads(self.num_heads, width)
        for name in ("query", "key", "value", "output"):
            dense = keras.layers.Dense(width, dtype=self.dtype_policy, name=name)
            dense.build(queries_shape)
            setattr(self, f"{name}_map", dense)
        for what, rows in (("position", self.max_length), ("interval", self.num_buckets)):
            for name in (f"{what}_keys", f"{what}_values"):
                normal = keras.initializers.RandomNormal(stddev=0.02)
                setattr(self, name, self.add_weight(name=name, shape=(rows, width), initializer=normal))

    def call(
        self,
        queries: Any,
        context: Any,
        padding_mask: Any = None,
        intervals: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        check_length(queries.shape[1], self.max_length)
        batch, length, width = ops.shape(queries)[0], ops.shape(queries)[1], queries.shape[2]
        heads, buckets = self.num_heads, self.num_buckets

        def split(vectors: Any) -> Any:  # (..., D) -> (..., H, D / H)
            return ops.reshape(vectors, (*ops.shape(vectors)[:-1], heads, width // heads))

        def table(weight: Any) -> Any:
            return ops.cast(ops.convert_to_tensor(weight), self.compute_dtype)

        query = split(self.query_map(queries)) / (width // heads) ** 0.5
        key = split(self.key_map(context) + last_rows(table(self.position_keys), length))
        value = split(self.value_map(context) + last_rows(table(self.position_values), length))

        # The index of r_ij in the flattened (B, H, L, R).
        rows = ops.reshape(ops.arange(batch * heads * length, dtype="int32"), (batch, heads, length, 1))
        cells = ops.reshape(rows * buckets + ops.expand_dims(intervals, 1), (-1,))

        of_bucket = ops.einsum("blhd,rhd->bhlr", query, split(table(self.interval_keys)))
        logits = ops.einsum("bihd,bjhd->bhij", query, key)
        logits = logits + ops.reshape(ops.take(ops.reshape(of_bucket, (-1,)), cells), ops.shape(logits))
        position = ops.arange(length)
        allowed = ops.logical_and(ops.expand_dims(padding_mask, 1), ops.expand_dims(position, 1) >= position)
        logits = ops.where(ops.expand_dims(allowed, 1), ops.cast(logits, "float32"), -1e9)
        scores = ops.softmax(logits)
        weights = self.drop(scores, training=training)

        summed = ops.segment_sum(ops.reshape(weights, (-1,)), cells, batch * heads * length * buckets)
        by_bucket = ops.reshape(summed, (batch, heads, length, buckets))
        attended = ops.einsum("bhij,bjhd->bihd", weights, value)
        attended = attended + ops.einsum("bhlr,rhd->blhd", by_bucket, split(table(self.interval_values)))
        outputs = self.output_map(ops.reshape(attended, (batch, length, width)))
        return self.with_scores(outputs, scores, return_attention_scores)

    def compute_output_shape(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: Any = None,
        padding_mask_shape: Any = None,
        intervals_shape: Any = None,
    ) -> tuple[int | None, ...]:
        return queries_shape

    def get_config(self) -> dict[str, Any]:
        own = {
            "max_length": self.max_length,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "num_buckets": self.num_buckets,
        }
        return {**super().get_config(), **own}
