"""Linear attention: keys and values are multiplied first, so the cost grows linearly with the length."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.layers.blocked_attention import BlockedAttention
from tfrec.ops import check_size

EPSILON = 1e-6  # added to squared norms
FLOOR = 0.01  # share of the mean squared norm of all columns that is added to each squared norm; only if causal


@keras.saving.register_keras_serializable(package="tfrec")
class LinearAttention(BlockedAttention):
    """L2-normalised linear attention, as in LinRec: no softmax, so (Q K^T) V is computed as Q (K^T V).

    ```
    Q' = elu(Q), each row divided by its L2 norm          K' = elu(K), zero at padding
    y_t = Q'_t  sum over s of (K'_s / n)^T V_s / sqrt(D / H)       n = L2 norm of each column of K', over positions
    ```

    If not causal, the sum and n run over the whole history: this is LinRec as published. If causal, they run over s <=
    t: the output at t is that of the published formula for the history up to t, at its newest position, with one
    difference: a hundredth of the mean n^2 of all columns is added to each n^2. In a short history a column can be
    nearly zero, and the gradient of its inverse norm would be unbounded.

    n depends on t and the column but not on s, so we divide the query by it and need only running sums. They are
    computed in chunks of C positions: a lower-triangular (C, C) product inside a chunk, and a (D / H, D / H) state from
    chunk to chunk. The cost is O(L (C + D / H) D), and no (L, L) tensor is created. Sums are always float32.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate on the output; there are no attention weights to drop.
        causal: whether a position attends only to itself and earlier positions.
        chunk_size: C. It changes only the speed, not the results.

    Shapes:
        queries and context (B, L, D), padding_mask (B, L) bool, True at real positions, padding on the left; output
        (B, L, D), meaningless at padding, and with `return_attention_scores` also the scores (B, H, L, L).

    Raises:
        ValueError: if H does not divide D or a size is not a positive integer.

    Reference:
        Liu et al., "LinRec: Linear Attention Mechanism for Long-term Sequential Recommender Systems", SIGIR 2023, arXiv
        2411.01537. As in the authors' code, norms are taken for each head, the scale is sqrt(D / H), and the map is elu
        without + 1, so weights can be negative. Unlike the authors, who ignore the mask, we exclude padding from keys
        and norms. The causal form is ours: in the paper the norm over all positions includes the future.

    Example:
        >>> import numpy as np
        >>> layer = LinearAttention(num_heads=2)
        >>> x, mask = np.ones((1, 5, 4), "float32"), np.array([[False, True, True, True, True]])
        >>> layer(x, x, mask).shape
        TensorShape([1, 5, 4])
    """

    def __init__(
        self,
        num_heads: int = 1,
        dropout: float = 0.0,
        causal: bool = True,
        chunk_size: int = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_heads, dropout, causal, **kwargs)
        self.chunk_size = check_size("chunk_size", chunk_size)

    @property
    def block_length(self) -> int | None:
        """C if causal, else None."""
        return self.chunk_size if self.causal else None

    def call(
        self,
        queries: Any,
        context: Any,
        padding_mask: Any = None,
        training: bool | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        """Attend, and apply dropout to the output, because there are no weights to drop."""
        wants_scores = return_attention_scores
        found = super().call(queries, context, padding_mask, training, return_attention_scores=wants_scores)
        if not wants_scores:
            return self.drop(found, training=training)
        outputs, scores = found
        return self.drop(outputs, training=training), scores

    def attend(
        self, queries: Any, context: Any, is_real: Any, values: Callable[[Any], Any], training: bool | None
    ) -> Any:
        """Multiply the queries with the sum of keys times values."""
        keep = ops.cast(is_real, "float32")[:, None, :, :, None]
        q = ops.elu(ops.cast(self.split(self.query(queries)), "float32"))
        k = ops.elu(ops.cast(self.split(self.key(context)), "float32")) * keep
        v = ops.cast(values(context), "float32")
        q = q * _inverse_norm(ops.sum(q * q, axis=-1, keepdims=True)) / self.head_width**0.5
        return ops.cast(self._of_the_past(q, k, v) if self.causal else _of_all(q, k, v), self.compute_dtype)

    def _of_the_past(self, q: Any, k: Any, v: Any) -> Any:
        """For each position, the sum over earlier chunks plus the sum over its own chunk up to the position."""
        triangle = np.tril(np.ones((self.chunk_size, self.chunk_size), "float32"))
        squares = ops.einsum("qk,bhnkd->bhnqd", triangle, k * k) + _before(ops.sum(k * k, axis=3, keepdims=True))
        q = q * _inverse_norm(squares + FLOOR * ops.mean(squares, axis=-1, keepdims=True))
        inside = ops.einsum("bhnqk,bhnkd->bhnqd", ops.einsum("bhnqd,bhnkd->bhnqk", q, k) * triangle, v)
        state = _before(ops.einsum("bhnkd,bhnke->bhnde", k, v))
        return inside + ops.einsum("bhnqd,bhnde->bhnqe", q, state)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "chunk_size": self.chunk_size}


def _of_all(q: Any, k: Any, v: Any) -> Any:
    k = k * _inverse_norm(ops.sum(k * k, axis=3, keepdims=True))
    return ops.einsum("bhnqd,bhnde->bhnqe", q, ops.einsum("bhnkd,bhnke->bhnde", k, v))


def _before(of_chunks: Any) -> Any:
    """Sums over the chunks before each one; shifted before summing, so a chunk has no effect on its own sum."""
    moved = ops.pad(of_chunks[:, :, :-1], ((0, 0), (0, 0), (1, 0), (0, 0), (0, 0)))
    return ops.cumsum(moved, axis=2)


def _inverse_norm(squares: Any) -> Any:
    return ops.rsqrt(squares + EPSILON)
