"""Block-sparse attention to neighbouring blocks, the oldest blocks and random blocks."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.layers.blocked_attention import BlockedAttention, forbid
from tfrec.ops import check_size, neighbours, take_blocks

PERIOD = 1024  # blocks after which the random draws repeat


@keras.saving.register_keras_serializable(package="tfrec")
class BlockSparseAttention(BlockedAttention):
    """Softmax attention over window, global and random blocks, as in BigBird.

    The history is cut into blocks of S positions, counted from the newest. The queries of a block attend to the keys of

    - the window: their own block and the W blocks before it (not causal: also the W blocks after it),
    - the global blocks: the G oldest blocks of the row that hold an item (not causal: these also attend to everything),
    - R random blocks out of the rest, drawn once for each block and head. The rest is divided into R equal stretches
      and one block is drawn from each, so no block is drawn twice, and a short history is covered completely.

    If causal, queries attend only to earlier blocks and, in their own block, to positions that are not newer. The cost
    is O(L (W + 1 + G + R) S D), and no (L, L) tensor is created.

    Args:
        num_heads: H, a divisor of the width D.
        dropout: rate on the attention weights.
        causal: whether a position attends only to itself and earlier positions.
        block_size: S.
        window_blocks: W, number of neighbouring blocks on each side.
        global_blocks: G.
        random_blocks: R.
        seed: seed of the draws. They are part of the architecture, the same in training and serving.

    Shapes:
        queries and context (B, L, D), padding_mask (B, L) bool, True at real positions, padding on the left; output
        (B, L, D), meaningless at padding, and with `return_attention_scores` also the scores (B, H, L, L).

    Raises:
        ValueError: if H does not divide D or a size is not an integer in its range.

    Reference:
        Zaheer et al., "Big Bird: Transformers for Longer Sequences", NeurIPS 2020, arXiv 2007.14062. In the paper only
        the encoder is sparse; the causal form is ours. In the paper the first and last blocks of the input are global.
        With padding on the left the first block would be padding, so we take the oldest blocks with items of each row.
        The newest block is not global, because the position used in serving would then attend to more than the
        positions used in training. Random blocks are drawn from stretches, not from all blocks, and only from the part
        of the row that holds items.

    Example:
        >>> import numpy as np
        >>> layer = BlockSparseAttention(num_heads=2, block_size=2)
        >>> x, mask = np.ones((1, 5, 4), "float32"), np.array([[False, True, True, True, True]])
        >>> layer(x, x, mask).shape
        TensorShape([1, 5, 4])
    """

    def __init__(
        self,
        num_heads: int = 1,
        dropout: float = 0.0,
        causal: bool = True,
        block_size: int = 32,
        window_blocks: int = 1,
        global_blocks: int = 1,
        random_blocks: int = 2,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_heads, dropout, causal, **kwargs)
        self.block_size = check_size("block_size", block_size)
        self.window_blocks = check_size("window_blocks", window_blocks, least=0)
        self.global_blocks = check_size("global_blocks", global_blocks, least=0)
        self.random_blocks = check_size("random_blocks", random_blocks, least=0)
        self.seed = check_size("seed", seed, least=0)
        shape = (self.num_heads, PERIOD, self.random_blocks)
        self.draws = np.random.default_rng(self.seed).integers(0, 2**31 - 1, shape, dtype="int32")

    @property
    def block_length(self) -> int:
        """S."""
        return self.block_size

    def attend(
        self, queries: Any, context: Any, is_real: Any, values: Callable[[Any], Any], training: bool | None
    ) -> Any:
        """Attend to the chosen blocks."""
        is_real = is_real[:, None]  # (B, 1, N, S)
        q = self.split(self.query(queries)) / self.head_width**0.5
        k, v = self.split(self.key(context)), values(context)
        count = _blocks_in_use(is_real)

        # For each part: the axes of its keys, the keys, the values, and which of them may be attended to.
        parts = [("bhnk", *self._window(k, v, is_real))]
        if self.global_blocks:
            parts.append(("bhk", *self._global(k, v, is_real, count)))
        if self.random_blocks:
            parts.append(("bhnk", *self._random(k, v, is_real, count)))
        y = self._attend(q, parts, training)
        if self.global_blocks and not self.causal:
            y = self._let_global_see_all(y, q, k, v, is_real, count, training)
        return y

    def _attend(self, q: Any, parts: list[tuple[str, Any, Any, Any]], training: bool | None) -> Any:
        """One softmax over the keys of all parts."""
        scores = [forbid(ops.einsum(f"bhnqd,{axes}d->bhnqk", q, keys), allowed) for axes, keys, _, allowed in parts]
        shares = ops.cast(ops.softmax(ops.concatenate(scores, axis=-1)), self.compute_dtype)
        shares = self.drop(shares, training=training)
        ends = np.cumsum([part.shape[-1] for part in scores])[:-1].tolist()
        y = 0.0
        shares = ops.split(shares, ends, axis=-1) if ends else [shares]
        for (axes, _, values, _), share in zip(parts, shares, strict=True):
            y = y + ops.einsum(f"bhnqk,{axes}d->bhnqd", share, values)
        return y

    # Blocks are numbered by their distance from the newest, which does not depend on padding: 0 is the newest.

    def _window(self, k: Any, v: Any, is_real: Any) -> tuple[Any, Any, Any]:
        offsets = range(-self.window_blocks, 1 if self.causal else self.window_blocks + 1)
        allowed = neighbours(is_real, offsets)[:, :, :, None]
        if self.causal:
            before = self.block_size * self.window_blocks
            allowed = allowed & np.tri(self.block_size, before + self.block_size, before, dtype=bool)
        return neighbours(k, offsets), neighbours(v, offsets), allowed

    def _global(self, k: Any, v: Any, is_real: Any, count: Any) -> tuple[Any, Any, Any]:
        own = _distances(k)[:, None]  # (N, 1)
        oldest = (count - 1 - np.arange(self.global_blocks, dtype="int32"))[:, :, None]  # (B, 1, 1, G)
        seen = oldest > own + self.window_blocks
        if not self.causal:
            seen = seen | ((oldest < own - self.window_blocks) & (oldest >= 0))
        keys, values, is_real = (_at(x, oldest)[:, :, 0] for x in (k, v, is_real))  # (B, H, G S, D / H)
        seen = ops.repeat(seen, self.block_size, axis=-1)  # (B, 1, N, G S)
        return keys, values, (seen & is_real[:, :, None])[:, :, :, None]

    def _random(self, k: Any, v: Any, is_real: Any, count: Any) -> tuple[Any, Any, Any]:
        own = _distances(k)[:, None]
        rest_ends = count[:, :, None] - self.global_blocks  # (B, 1, 1, 1)
        # Candidates are numbered consecutively: the newer ones 0 .. newer - 1, then those older than the window.
        newer = 0 * own if self.causal else ops.maximum(ops.minimum(own - self.window_blocks, rest_ends), 0)
        candidates = newer + ops.maximum(rest_ends - (own + self.window_blocks + 1), 0)  # (B, 1, N, 1)
        stretch = np.arange(self.random_blocks, dtype="int32")
        first = candidates * stretch // self.random_blocks
        size = candidates * (stretch + 1) // self.random_blocks - first  # 0 if there are fewer than R candidates
        draws = ops.take(self.draws, _distances(k) % PERIOD, axis=1)  # (H, N, R)
        pick = first + draws % ops.maximum(size, 1)  # (B, H, N, R)
        pick = ops.where(pick < newer, pick, pick - newer + own + self.window_blocks + 1)

        keys, values = _at(k, pick), _at(v, pick)
        by_head = ops.broadcast_to(is_real, ops.shape(k)[:4])
        seen = ops.repeat(size > 0, self.block_size, axis=-1)
        return keys, values, (seen & _at(by_head, pick))[:, :, :, None]

    def _let_global_see_all(
        self, y: Any, q: Any, k: Any, v: Any, is_real: Any, count: Any, training: bool | None
    ) -> Any:
        rows, heads, blocks, size = ops.shape(k)[:4]
        oldest = (count - 1 - np.arange(self.global_blocks, dtype="int32"))[:, :, None]
        q = ops.reshape(_at(q, oldest), (rows, heads, self.global_blocks, size, self.head_width))
        flat = ("bhk", *(ops.reshape(x, (rows, heads, blocks * size, x.shape[-1])) for x in (k, v)))
        seeing = self._attend(q, [(*flat, ops.reshape(is_real, (rows, 1, 1, 1, -1)))], training)
        place = ops.expand_dims(_distances(k), -1) == oldest  # (B, 1, N, G)
        placed = ops.einsum("bng,bhgsd->bhnsd", ops.cast(place[:, 0], y.dtype), seeing)
        return ops.where(ops.any(place, axis=-1)[:, :, :, None, None], placed, y)

    def get_config(self) -> dict[str, Any]:
        own = {
            "block_size": self.block_size,
            "window_blocks": self.window_blocks,
            "global_blocks": self.global_blocks,
            "random_blocks": self.random_blocks,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}


def _distances(blocks: Any) -> Any:
    """The distance of each of N blocks from the newest, (N,) int32."""
    return ops.arange(ops.shape(blocks)[2], dtype="int32")[::-1]


def _blocks_in_use(is_real: Any) -> Any:
    """Number of blocks from the newest to the oldest with an item, (B, 1, 1) int32."""
    used = ops.cast(ops.any(is_real, axis=-1), "int32")  # (B, 1, N)
    return ops.max(used * (_distances(is_real) + 1), axis=-1, keepdims=True)


def _at(blocks: Any, distance: Any) -> Any:
    """The blocks at the given distances from the newest; an arbitrary block for distances out of range."""
    newest = ops.shape(blocks)[2] - 1
    shape = (*ops.shape(blocks)[:2], *ops.shape(distance)[2:])
    return take_blocks(blocks, ops.broadcast_to(ops.clip(newest - distance, 0, newest), shape))
