"""What the attention layers for long histories share: projections and heads over blocks of positions."""

from typing import Any

import keras
from keras import ops


class BlockedAttention(keras.layers.Layer):
    """Queries, keys and values in heads, cut into blocks; a subclass says in `call` which keys a query sees.

    Not a layer of its own: subclasses write `call(queries, context, padding_mask, training=None)`.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate; on what, the subclass says.
        causal: whether a position sees only itself and what came before.

    Shapes:
        queries and context (B, L, D), padding_mask (B, L) bool, True at real positions, padding on the left; output
        (B, L, D), finite and without meaning at padding.

    Raises:
        ValueError: where H does not divide D.
    """

    use_bias = True  # of the four projections

    def __init__(self, num_heads: int = 1, dropout: float = 0.0, causal: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_sizes(num_heads=num_heads)
        self.num_heads = num_heads
        self.dropout = dropout
        self.causal = causal
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="drop")

    def build(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...] | None = None,
        padding_mask_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        """Make the projections of queries, keys and values, and the one that joins the heads."""
        width = queries_shape[-1]
        if width % self.num_heads:
            raise ValueError(f"num_heads must divide the width of the input: got num_heads={self.num_heads}, {width=}.")
        self.width = width
        self.head_width = width // self.num_heads
        self.query, self.key, self.value, self.merge = (
            keras.layers.Dense(width, use_bias=self.use_bias, dtype=self.dtype_policy, name=name)
            for name in ("query", "key", "value", "merge")
        )
        for dense in (self.query, self.key, self.value, self.merge):
            dense.build((*queries_shape[:-1], width))

    def split(self, blocks: Any) -> Any:
        """Heads apart: (B, N, S, D) -> (B, H, N, S, D / H)."""
        rows, count, size = ops.shape(blocks)[:3]
        apart = ops.reshape(blocks, (rows, count, size, self.num_heads, self.head_width))
        return ops.transpose(apart, (0, 3, 1, 2, 4))

    def join(self, heads: Any, length: Any) -> Any:
        """Heads together, mixed by a learned map, and the filling cut off: (B, H, N, S, D / H) -> (B, L, D)."""
        together = ops.transpose(heads, (0, 2, 3, 1, 4))
        together = ops.reshape(together, (ops.shape(heads)[0], -1, self.width))
        return self.merge(together[:, ops.shape(together)[1] - length :])

    def compute_output_shape(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...] | None = None,
        padding_mask_shape: tuple[int | None, ...] | None = None,
    ) -> tuple[int | None, ...]:
        """The shape of `queries`."""
        return queries_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {"num_heads": self.num_heads, "dropout": self.dropout, "causal": self.causal}
        return {**super().get_config(), **own}


def forbid(scores: Any, allowed: Any) -> Any:
    """Scores for a softmax, float32, with what is not allowed so low that it gets no share; finite, if nothing is."""
    return ops.where(allowed, ops.cast(scores, "float32"), -1e9)


def check_sizes(least: int = 1, **sizes: int) -> None:
    """Refuse what is not an integer of at least `least`."""
    for argument, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < least:
            raise ValueError(f"{argument} must be an integer of at least {least}, got {size!r}.")
