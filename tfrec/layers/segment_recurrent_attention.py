"""Attention to the own segment and the segments before it, by content and by distance."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.layers.blocked_attention import BlockedAttention, forbid
from tfrec.ops import check_size, neighbours


@keras.saving.register_keras_serializable(package="tfrec")
class SegmentRecurrentAttention(BlockedAttention):
    """Segment-level recurrence with relative positions, as in Transformer-XL.

    The history is cut into segments of S positions. A position attends to its own segment and to its memory, the M
    segments before it. The memory gets no gradient. The score of position s for position t depends on content and
    distance:

    ```
    score(t, s) = ((q_t + u) . k_s + (q_t + v) . W R_(t - s)) / sqrt(D / H)
    ```

    R is a fixed sinusoid; W, u and v are learned. The cost is O(L (M + 1) S D), and no (L, L) tensor is created. One
    block reaches M S to (M + 1) S - 1 positions back; a stack of blocks reaches proportionally further.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate on the attention weights.
        causal: whether a position attends only to itself and earlier positions. If not, it attends to its whole own
            segment.
        segment_size: S.
        memory_segments: M.
        stop_gradient: whether the memory gets no gradient, as in the paper, where it comes from an earlier step. Here
            it is part of the same graph, so gradients are possible. With False, a step costs less, and effects of
            distant items are learned in fewer steps, because their vectors and the blocks below get gradients.

    Shapes:
        queries and context (B, L, D), padding_mask (B, L) bool, True at real positions, padding on the left; output
        (B, L, D), meaningless at padding, and with `return_attention_scores` also the scores (B, H, L, L).

    Raises:
        ValueError: if H does not divide D or a size is not a positive integer.

    Reference:
        Dai et al., "Transformer-XL: Attentive Language Models beyond a Fixed-Length Context", ACL 2019, arXiv
        1901.02860. Unlike the paper, each call gets the whole history: all segments are computed at once, and no state
        is kept between calls. Segments are counted from the newest position, so padding does not move their borders.
        Each layer has its own u, v and W; the authors' code shares u and v between layers.

    Example:
        >>> import numpy as np
        >>> layer = SegmentRecurrentAttention(num_heads=2, segment_size=2)
        >>> x, mask = np.ones((1, 5, 4), "float32"), np.array([[False, True, True, True, True]])
        >>> layer(x, x, mask).shape
        TensorShape([1, 5, 4])
    """

    use_bias = False

    def __init__(
        self,
        num_heads: int = 1,
        dropout: float = 0.0,
        causal: bool = True,
        segment_size: int = 128,
        memory_segments: int = 1,
        stop_gradient: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_heads, dropout, causal, **kwargs)
        self.segment_size = check_size("segment_size", segment_size)
        self.memory_segments = check_size("memory_segments", memory_segments)
        self.stop_gradient = stop_gradient

    def build(
        self,
        queries_shape: tuple[int | None, ...],
        context_shape: tuple[int | None, ...] | None = None,
        padding_mask_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        super().build(queries_shape, context_shape, padding_mask_shape)
        self.distance = keras.layers.Dense(self.width, use_bias=False, dtype=self.dtype_policy, name="distance")
        self.distance.build((None, self.width))
        shape, small = (self.num_heads, 1, 1, self.head_width), keras.initializers.RandomNormal(stddev=0.02)
        self.content_bias = self.add_weight(name="content_bias", shape=shape, initializer=small)
        self.distance_bias = self.add_weight(name="distance_bias", shape=shape, initializer=small)

    @property
    def block_length(self) -> int:
        """S."""
        return self.segment_size

    def attend(
        self, queries: Any, context: Any, is_real: Any, values: Callable[[Any], Any], training: bool | None
    ) -> Any:
        """Attend to the own segment and to the memory."""
        is_real = neighbours(is_real[:, None], range(-self.memory_segments, 1))[:, :, :, None]  # (B, 1, N, 1, K)
        q = self.split(self.query(queries))
        k = self._with_memory(lambda x: self.split(self.key(x)), context)  # (B, H, N, K, D / H)
        v = self._with_memory(values, context)

        size, span = self.segment_size, self.segment_size * (self.memory_segments + 1)  # S, K
        content = ops.einsum("bhnqd,bhnkd->bhnqk", q + self.content_bias, k)
        far_to_near = np.arange(span - 1, -1 if self.causal else -size, -1)
        r = self.distance(ops.cast(_sinusoid(far_to_near, self.width), self.compute_dtype))
        r = ops.reshape(r, (-1, self.num_heads, self.head_width))
        by_distance = _relative_shift(ops.einsum("bhnqd,phd->bhnqp", q + self.distance_bias, r))[..., :span]

        scores = (content + by_distance) / self.head_width**0.5
        if self.causal:
            is_real = is_real & np.tri(size, span, span - size, dtype=bool)
        shares = ops.cast(ops.softmax(forbid(scores, is_real)), self.compute_dtype)
        return ops.einsum("bhnqk,bhnkd->bhnqd", self.drop(shares, training=training), v)

    def _with_memory(self, project: Callable[[Any], Any], context: Any) -> Any:
        """Concatenate the projected memory and segments. The projection gets gradients from both."""
        segments = project(context)
        memory = project(ops.stop_gradient(context)) if self.stop_gradient else segments
        return ops.concatenate([neighbours(memory, range(-self.memory_segments, 0)), segments], axis=3)

    def get_config(self) -> dict[str, Any]:
        own = {
            "segment_size": self.segment_size,
            "memory_segments": self.memory_segments,
            "stop_gradient": self.stop_gradient,
        }
        return {**super().get_config(), **own}


def _sinusoid(distances: np.ndarray, width: int) -> np.ndarray:
    """R: sines, then cosines, of each distance, with wave lengths from 2 pi to 10000 2 pi; (P, D)."""
    angles = distances[:, None] / 10000.0 ** (np.arange(0, width, 2) / width)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :width].astype("float32")


def _relative_shift(scores: Any) -> Any:
    """Shift row a of (..., S, P) left by S - 1 - a, so that columns of distances become columns of positions.

    After adding a column of padding, the rows of P + 1 numbers are read as rows of P, which shifts each row by one
    more. The numbers that move in from the next row lie after the last distance.
    """
    *rest, size, count = ops.shape(scores)
    padded = ops.pad(scores, [(0, 0)] * (len(rest) + 1) + [(1, 0)])
    padded = ops.reshape(padded, (*rest, count + 1, size))[..., 1:, :]
    return ops.reshape(padded, (*rest, size, count))
