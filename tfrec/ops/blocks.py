"""Split sequences into blocks of positions, counted from the newest, so that left padding moves no block boundary."""

from collections.abc import Iterable
from typing import Any

from keras import ops


def to_blocks(sequence: Any, size: int) -> Any:
    """Split a sequence into blocks. The oldest block is padded on the left with zeros (False).

    Args:
        sequence: (B, L, ...) tensor; L may be dynamic.
        size: S, positions per block.

    Returns:
        (B, N, S, ...) tensor with N = ceil(L / S); the newest position is the last one of the last block.

    Example:
        >>> import numpy as np
        >>> np.asarray(to_blocks(np.array([[1, 2, 3]]), 2)).tolist()
        [[[0, 1], [2, 3]]]
    """
    shape = ops.shape(sequence)
    filling = ops.zeros((shape[0], -shape[1] % size, *shape[2:]), dtype=sequence.dtype)
    return ops.reshape(ops.concatenate([filling, sequence], axis=1), (shape[0], -1, size, *shape[2:]))


def neighbours(blocks: Any, offsets: Iterable[int]) -> Any:
    """Concatenate, for each block, the blocks at the given offsets from it. Blocks beyond both ends are zeros (False).

    Args:
        blocks: (B, H, N, S, ...) tensor.
        offsets: W integers; -1 is the preceding block, 0 the block itself.

    Returns:
        (B, H, N, W S, ...) tensor.

    Example:
        >>> import numpy as np
        >>> np.asarray(neighbours(np.array([[[[1, 2], [3, 4]]]]), (-1, 0))).tolist()
        [[[[0, 0, 1, 2], [1, 2, 3, 4]]]]
    """
    return ops.concatenate([_moved(blocks, offset) for offset in offsets], axis=3)


def take_blocks(blocks: Any, index: Any) -> Any:
    """Gather and concatenate blocks by index, separately for each row and head.

    Args:
        blocks: (B, H, N, S, ...) tensor.
        index: (B, H, M, R) integer tensor of block indices 0 .. N - 1.

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
    """The block at `offset` from each. Pads before it slices, so `offset` may exceed the number of blocks."""
    if offset == 0:
        return blocks
    around = [(0, 0)] * len(blocks.shape)
    around[2] = (max(-offset, 0), max(offset, 0))
    padded = ops.pad(blocks, around)
    return padded[:, :, :offset] if offset < 0 else padded[:, :, offset:]
