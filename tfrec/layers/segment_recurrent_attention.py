"""Attention within a segment and to the segments before it, by content and by distance."""

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

    The history is cut into segments of S positions. A position attends to its own segment and to the M segments before
    it, its memory, which takes no gradient. Position t scores position s by content and by distance:

    ```
    score(t, s) = ((q_t + u) . k_s + (q_t + v) . W R_(t - s)) / sqrt(D / H)
    ```

    R is a fixed sinusoid, W, u and v are learned. Cost O(L (M + 1) S D); nothing of size (L, L) exists. A block reaches
    M S to (M + 1) S - 1 positions back, and blocks on top of each other reach as many times further.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate on the attention weights.
        causal: whether a position sees only itself and what came before. If not, it sees its whole own segment.
        segment_size: S.
        memory_segments: M.
        stop_gradient: whether the memory takes no gradient, as published, where it is left over from an earlier step.
            Here it is part of the same graph, so it can be False: a step costs less, and what decides from afar is
            learned in fewer steps, as its vectors learn from it and blocks below learn to pass it on.

    Shapes:
        queries and context (B, L, D), padding_mask (B, L) bool, True at real positions, padding on the left; output
        (B, L, D), without meaning at padding, and with `return_attention_scores` also the scores (B, H, L, L).

    Raises:
        ValueError: if H does not divide D or a size is not a positive integer.

    Reference:
        Dai et al., "Transformer-XL: Attentive Language Models beyond a Fixed-Length Context", ACL 2019, arXiv
        1901.02860. Unlike there, all segments of a history are computed at once and nothing is kept between calls:
        each call has the whole history. Segments are counted from the newest position, so that padding moves no border
        of a segment. u, v and W belong to each layer, where the authors' code shares u and v between layers.

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
        """Projected segments behind their projected memory. The map learns from both, the context as it is told."""
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
    """R: for each distance sines, then cosines, of wave lengths from 2 pi to 10000 2 pi; (P, D)."""
    angles = distances[:, None] / 10000.0 ** (np.arange(0, width, 2) / width)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :width].astype("float32")


def _relative_shift(scores: Any) -> Any:
    """Move row a of (..., S, P) left by S - 1 - a, so that a column of distances becomes a column of positions.

    With a column of padding, the same numbers read in rows of P instead of P + 1 are shifted by one more in each row.
    What runs in from the next row lies behind the last distance.
    """
    *rest, size, count = ops.shape(scores)
    padded = ops.pad(scores, [(0, 0)] * (len(rest) + 1) + [(1, 0)])
    padded = ops.reshape(padded, (*rest, count + 1, size))[..., 1:, :]
    return ops.reshape(padded, (*rest, size, count))
