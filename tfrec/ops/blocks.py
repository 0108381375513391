"""A sequence as blocks of positions, counted from the newest, so that padding on the left moves no block's border."""

from collections.abc import Iterable
from typing import Any

from keras import ops


def to_blocks(sequence: Any, size: int) -> Any:
    """Cut a sequence into blocks; the oldest is filled up on the left with zeros (False).

    Args:
        sequence: (B, L, ...) tensor, L free.
        size: S, positions a block.

    Returns:
        (B, N, S, ...) tensor with N = ceil(L / S); the newest position stands last in the last block.

    Example:
        >>> import numpy as np
        >>> np.asarray(to_blocks(np.array([[1, 2, 3]]), 2)).tolist()
        [[[0, 1], [2, 3]]]
    """
    shape = ops.shape(sequence)
    filling = ops.zeros((shape[0], -shape[1] % size, *shape[2:]), dtype=sequence.dtype)
    return ops.reshape(ops.concatenate([filling, sequence], axis=1), (shape[0], -1, size, *shape[2:]))


def neighbours(blocks: Any, offsets: Iterable[int]) -> Any:
    """For each block those that stand at the given offsets from it, joined; zeros (False) beyond both ends.

    Args:
        blocks: (B, H, N, S, ...) tensor.
        offsets: W of them; -1 is the block before, 0 the block itself.

    Returns:
        (B, H, N, W S, ...) tensor.

    Example:
        >>> import numpy as np
        >>> np.asarray(neighbours(np.array([[[[1, 2], [3, 4]]]]), (-1, 0))).tolist()
        [[[[0, 0, 1, 2], [1, 2, 3, 4]]]]
    """
    return ops.concatenate([_moved(blocks, offset) for offset in offsets], axis=3)


def take_blocks(blocks: Any, index: Any) -> Any:
    """The blocks at given places, for each row and head its own, joined.

    Args:
        blocks: (B, H, N, S, ...) tensor.
        index: (B, H, M, R) integer tensor of places 0 .. N - 1.

    Returns:
        (B, H, M, R S, ...) tensor.

    Example:
        >>> import numpy as np
        >>> np.asarray(take_blocks(np.array([[[[1, 2], [3, 4]]]]), np.array([[[[1, 0]]]]))).tolist()
        [[[[3, 4, 1, 2]]]]
    """
    rows, heads, count, size, *rest = ops.shape(blocks)
    first = ops.reshape(ops.arange(rows * heads, dtype="int32") * count, (rows, heads, 1, 1))
    taken = ops.take(ops.reshape(blocks, (-1, size, *rest)), first + index, axis=0)  # (B, H, M, R, S, ...)
    return ops.reshape(taken, (rows, heads, -1, index.shape[-1] * size, *rest))


def _moved(blocks: Any, offset: int) -> Any:
    """The block at `offset` from each: padded first, cut then, so that fewer blocks than `offset` do no harm."""
    if offset == 0:
        return blocks
    around = [(0, 0)] * len(blocks.shape)
    around[2] = (max(-offset, 0), max(offset, 0))
    padded = ops.pad(blocks, around)
    return padded[:, :, :offset] if offset < 0 else padded[:, :, offset:]
