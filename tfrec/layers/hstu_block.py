"""The block of HSTU: attention without softmax, and a gate instead of a feed-forward network."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.layers.relative_bias import RelativePositionBias
from tfrec.layers.time_bias import TimeBias
from tfrec.ops import check_heads, check_size, pointwise_attention


@keras.saving.register_keras_serializable(package="tfrec")
class HSTUBlock(AttentionScores, MaskedLayer):
    """One Hierarchical Sequential Transduction Unit over a padded sequence.

    ```
    u, v, q, k = split(silu(norm(x) W))
    a[i, j] = silu(q[i] . k[j] + b[i, j]) / max_length       where j <= i and item j is real; 0 elsewhere
    y = drop(norm(a v) * u) W_o + b_o + x
    ```

    The weights of a row of `a` do not sum to one: they keep the number of relevant items in the history, which softmax
    normalises away. `norm` has no weights; `b` is a `RelativePositionBias`, plus a `TimeBias` with `num_intervals`. No
    position attends to padding, and the output at padding is zero.

    Args:
        max_length: the longest sequence. The division by this constant, not by L, keeps the output independent of
            padding.
        num_heads: H.
        attention_dim: width of a query or key in one head; None means D / H.
        linear_dim: width of a value or gate in one head; None means D / H.
        dropout: rate on the input of W_o.
        num_intervals: R, buckets of the time between two items; None for a block without times.

    Shapes:
        inputs (B, L, D), padding_mask (B, L) bool with True at real positions; with `num_intervals` also intervals
        (B, L, L), integers below R from `TimeIntervals`; output (B, L, D), and with `return_attention_scores` also a,
        (B, H, L, L).

    Raises:
        ValueError: if a width is None and H does not divide D.

    Reference:
        Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers for Generative
        Recommendations", ICML 2024, arXiv 2402.17152. Initial values as in the authors' code, which pads each batch to
        the maximum length, so that L is this constant.

    Example:
        >>> import numpy as np
        >>> block = HSTUBlock(max_length=8, num_heads=2)
        >>> block(np.zeros((1, 3, 4), "float32"), np.array([[False, True, True]])).shape
        TensorShape([1, 3, 4])
    """

    masked_by = ("inputs", 0)
    mask_place = 1

    def __init__(
        self,
        max_length: int,
        num_heads: int = 1,
        attention_dim: int | None = None,
        linear_dim: int | None = None,
        dropout: float = 0.0,
        num_intervals: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_length = check_size("max_length", max_length)
        self.num_heads = check_size("num_heads", num_heads)
        self.attention_dim = check_size("attention_dim", attention_dim, optional=True)
        self.linear_dim = check_size("linear_dim", linear_dim, optional=True)
        self.dropout = dropout
        self.num_intervals = check_size("num_intervals", num_intervals, optional=True)
        bare = {"center": False, "scale": False, "dtype": self.dtype_policy}
        self.input_norm = keras.layers.LayerNormalization(epsilon=1e-6, **bare, name="input_norm")
        # norm(z / N) with epsilon e equals norm(z) with epsilon e N^2. Without the division, float16 does not
        # underflow.
        self.attended_norm = keras.layers.LayerNormalization(
            epsilon=1e-6 * self.max_length**2, **bare, name="attended_norm"
        )
        self.position_bias = RelativePositionBias(max_length, dtype=self.dtype_policy, name="position_bias")
        if num_intervals is not None:
            self.time_bias = TimeBias(num_intervals, dtype=self.dtype_policy, name="time_bias")
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="drop")

    def build(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None, intervals_shape: Any = None
    ) -> None:
        width, heads = inputs_shape[-1], self.num_heads
        if self.attention_dim is None or self.linear_dim is None:
            check_heads(heads, width)
        self._key_width = heads * (self.attention_dim or width // heads)
        self._value_width = heads * (self.linear_dim or width // heads)
        self.expand = keras.layers.Dense(
            2 * (self._key_width + self._value_width),
            activation="silu",
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name="expand",
        )
        self.contract = keras.layers.Dense(width, dtype=self.dtype_policy, name="contract")
        self.expand.build(inputs_shape)
        self.contract.build((*inputs_shape[:-1], self._value_width))
        self.input_norm.build(inputs_shape)
        self.attended_norm.build((*inputs_shape[:-1], self._value_width))
        self.position_bias.build(inputs_shape)
        if self.num_intervals is not None:
            self.time_bias.build((None, None, None))

    def call(
        self,
        inputs: Any,
        padding_mask: Any = None,
        intervals: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        keep = ops.cast(ops.expand_dims(padding_mask, -1), inputs.dtype)
        ends = [self._value_width, 2 * self._value_width, 2 * self._value_width + self._key_width]
        gates, values, queries, keys = ops.split(self.expand(self.input_norm(inputs)), ends, axis=-1)
        bias = self.position_bias(inputs)
        if self.num_intervals is not None:
            bias = bias + self.time_bias(intervals)
        # Values at padding are zero, so no (B, H, L, L) mask is needed.
        queries, keys, values = (self._heads(x) for x in (queries, keys, values * keep))
        attended = pointwise_attention(queries, keys, values, bias)
        attended = ops.transpose(attended, (0, 2, 1, 3))
        attended = ops.reshape(attended, (*ops.shape(inputs)[:2], self._value_width))
        gated = self.drop(self.attended_norm(attended) * gates, training=training)
        outputs = (inputs + self.contract(gated)) * keep
        if not self.needs_scores(return_attention_scores):
            return outputs
        # Attention is linear in its values, so with unit vectors as values it returns the weights.
        places = ops.expand_dims(ops.eye(ops.shape(inputs)[1], dtype=keep.dtype) * keep, 1)
        places = ops.broadcast_to(places, (*ops.shape(queries)[:3], ops.shape(inputs)[1]))
        scores = pointwise_attention(queries, keys, places, bias) / self.max_length
        return self.with_scores(outputs, scores, return_attention_scores)

    def _heads(self, x: Any) -> Any:
        """(B, L, H d) -> (B, H, L, d)."""
        return ops.transpose(ops.reshape(x, (*ops.shape(x)[:2], self.num_heads, -1)), (0, 2, 1, 3))

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None, intervals_shape: Any = None
    ) -> tuple[int | None, ...]:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        own = {
            "max_length": self.max_length,
            "num_heads": self.num_heads,
            "attention_dim": self.attention_dim,
            "linear_dim": self.linear_dim,
            "dropout": self.dropout,
            "num_intervals": self.num_intervals,
        }
        return {**super().get_config(), **own}
