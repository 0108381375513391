"""Top-K selection of items."""

from typing import Any

from keras import ops

from tfrec.reserved_ids import PADDING_ID


def top_items(scores: Any, k: int) -> tuple[Any, Any]:
    """The K best items of each row, best first; ties are ordered by id.

    If fewer than K items have a finite score, the rest is padding: id 0 with score -inf, never a masked id.

    Args:
        scores: (B, V) float tensor; -inf masks an item.
        k: length of the lists, at most V.

    Returns:
        ids (B, K) int32 and scores (B, K) of the type of `scores`.

    Example:
        >>> import numpy as np
        >>> ids, best = top_items(np.array([[-np.inf, -np.inf, 0.5, 2.0]], "float32"), k=3)
        >>> np.asarray(ids).tolist(), np.asarray(best).tolist()
        ([[3, 2, 0]], [[2.0, 0.5, -inf]])
    """
    best, ids = ops.top_k(scores, k)
    ids = ops.cast(ids, "int32")
    return ops.where(best > -float("inf"), ids, PADDING_ID), best
