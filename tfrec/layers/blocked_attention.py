"""Base class of the attention layers for long histories: projections and heads over blocks of positions."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_heads, check_size, to_blocks


class BlockedAttention(AttentionScores, MaskedLayer):
    """Projects queries, keys and values, splits them into heads and cuts them into blocks.

    Abstract: a subclass implements `attend`, which decides which keys a query attends to, and `block_length`.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate; the subclass decides where it is applied.
        causal: whether a position attends only to itself and earlier positions.

    Shapes:
        queries and context (B, L, D), padding_mask (B, L) bool, True at real positions, padding on the left; output
        (B, L, D), finite but meaningless at padding, and with `return_attention_scores` also the scores (B, H, L, L),
        which are not computed otherwise.

    Raises:
        ValueError: if H does not divide D.
    """

    masked_by = ("context", 1)
    mask_place = 2

    use_bias = True  # for the four projections

    def __init__(self, num_heads: int = 1, dropout: float = 0.0, causal: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_size("num_heads", num_heads)
        self.dropout = dropout
        self.causal = causal
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="drop")

    def build(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...] | None = None,
        padding_mask_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        width = queries_shape[-1]
        check_heads(self.num_heads, width)
        self.width = width
        self.head_width = width // self.num_heads
        self.query, self.key, self.value, self.merge = (
            keras.layers.Dense(width, use_bias=self.use_bias, dtype=self.dtype_policy, name=name)
            for name in ("query", "key", "value", "merge")
        )
        for dense in (self.query, self.key, self.value, self.merge):
            dense.build((*queries_shape[:-1], width))

    @property
    def block_length(self) -> int | None:
        """S, positions per block; None puts all positions into one block."""
        raise NotImplementedError

    def attend(
        self, queries: Any, context: Any, is_real: Any, values: Callable[[Any], Any], training: bool | None
    ) -> Any:
        """The weighted sum of the values that each position attends to.

        Args:
            queries: (B, N, S, D) blocks.
            context: (B, N, S, D) blocks.
            is_real: (B, N, S) bool.
            values: function that computes the values, (B, H, N, S, E), of a context.
            training: whether to apply dropout.

        Returns:
            (B, H, N, S, E) tensor.
        """
        raise NotImplementedError

    def call(
        self,
        queries: Any,
        context: Any,
        padding_mask: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        length = ops.shape(queries)[1]
        blocks = [self._cut(x) for x in (queries, context, padding_mask)]
        outputs = self.join(self.attend(*blocks, lambda x: self.split(self.value(x)), training=training), length)
        if not self.needs_scores(return_attention_scores):
            return outputs
        # Attention is linear in its values, so with unit vectors as values it returns the scores.
        scores = self.attend(*blocks, self._places, training=False)
        filled = ops.shape(scores)[-1]
        scores = ops.reshape(scores, (*ops.shape(scores)[:2], filled, filled))
        scores = scores[:, :, filled - length :, filled - length :]
        scores = ops.reshape(scores, (-1, self.num_heads, length, length))  # static if the length is static
        return self.with_scores(outputs, scores, return_attention_scores)

    def _cut(self, sequence: Any) -> Any:
        return ops.expand_dims(sequence, 1) if self.block_length is None else to_blocks(sequence, self.block_length)

    def _places(self, context: Any) -> Any:
        """The j-th unit vector at position j, (B, H, N, S, N S)."""
        rows, count, size = ops.shape(context)[:3]
        places = ops.reshape(ops.eye(count * size, dtype=self.compute_dtype), (1, 1, count, size, count * size))
        return ops.broadcast_to(places, (rows, self.num_heads, count, size, count * size))

    def split(self, blocks: Any) -> Any:
        """Split the heads: (B, N, S, D) -> (B, H, N, S, D / H)."""
        rows, count, size = ops.shape(blocks)[:3]
        apart = ops.reshape(blocks, (rows, count, size, self.num_heads, self.head_width))
        return ops.transpose(apart, (0, 3, 1, 2, 4))

    def join(self, heads: Any, length: Any) -> Any:
        """Join the heads, apply the output projection, remove the block padding: (B, H, N, S, D / H) -> (B, L, D)."""
        together = ops.transpose(heads, (0, 2, 3, 1, 4))
        together = ops.reshape(together, (ops.shape(heads)[0], -1, self.width))
        return self.merge(together[:, ops.shape(together)[1] - length :])

    def compute_output_shape(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...] | None = None,
        padding_mask_shape: tuple[int | None, ...] | None = None,
    ) -> tuple[int | None, ...]:
        return queries_shape

    def get_config(self) -> dict[str, Any]:
        own = {"num_heads": self.num_heads, "dropout": self.dropout, "causal": self.causal}
        return {**super().get_config(), **own}


def forbid(scores: Any, allowed: Any) -> Any:
    """Mask scores for a softmax, in float32: forbidden positions get weight 0. Finite even if all are forbidden."""
    return ops.where(allowed, ops.cast(scores, "float32"), -1e9)
