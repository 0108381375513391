"""Recall, NDCG and MRR of ranked lists, from the ranks of the targets.

All take `ranks`, (B, T): the 0-based rank of each of a row's T targets, and `counts`, (B, T) bool: which of the T are
targets, because rows have different numbers of them. The targets of a row are distinct ids. They return (B,)
float32 between 0 and 1, 0 for a row without targets.
"""

from typing import Any

from keras import ops

_NEVER = 2**30  # rank of targets that cannot be recommended: beyond every K


def target_ranks(scores: Any, targets: Any) -> Any:
    """0-based rank of each target. Ties count against the model, so constant scores gain nothing.

    Args:
        scores: (B, V) float tensor; -inf marks ids that cannot be recommended.
        targets: (B, T) integer ids.

    Returns:
        (B, T) int32; 2**30, beyond every K, if the target itself has the score -inf.

    Example:
        >>> import numpy as np
        >>> np.asarray(target_ranks(np.array([[0.1, 0.5, 0.5, -np.inf]]), np.array([[1, 0]]))).tolist()
        [[1, 2]]
    """
    own = ops.take_along_axis(scores, targets, axis=1)
    not_worse = ops.expand_dims(scores, 1) >= ops.expand_dims(own, 2)
    ranks = ops.sum(ops.cast(not_worse, "int32"), axis=-1) - 1
    return ops.where(own > -float("inf"), ranks, _NEVER)


def recall_at_k(ranks: Any, counts: Any, k: int) -> Any:
    """Share of a row's targets in its first K places; with one target, the hit rate HR@K.

    Example:
        >>> import numpy as np
        >>> np.asarray(recall_at_k(np.array([[0, 12]]), np.array([[True, True]]), k=10)).tolist()
        [0.5]
    """
    return _ratio(_hits(ranks, counts, k), ops.cast(counts, "float32"))


def ndcg_at_k(ranks: Any, counts: Any, k: int) -> Any:
    """Discounted gain `sum 1 / log2(rank + 2)` of the targets in the first K, relative to the ideal list.

    Reference:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002; relevance is 0 or 1.

    Example:
        >>> import numpy as np
        >>> round(float(ndcg_at_k(np.array([[1]]), np.array([[True]]), k=10)[0]), 4)
        0.6309
    """
    # Sorted like the ideal list, so that rounding cannot make the sum exceed the ideal.
    ranks = ops.sort(ops.where(counts, ranks, _NEVER), axis=1)
    gains = ops.cast(ranks < k, "float32") * _discount(ranks)
    place = ops.arange(ops.shape(ranks)[1], dtype="int32")
    possible = ops.minimum(ops.sum(ops.cast(counts, "int32"), axis=1, keepdims=True), k)
    ideal = ops.cast(place < possible, "float32") * _discount(place)
    return _ratio(gains, ideal)


def mrr_at_k(ranks: Any, counts: Any, k: int) -> Any:
    """One over the 1-based rank of the first target, 0 if no target is in the first K.

    Example:
        >>> import numpy as np
        >>> np.asarray(mrr_at_k(np.array([[7, 3]]), np.array([[True, True]]), k=10)).tolist()
        [0.25]
    """
    return ops.max(_hits(ranks, counts, k) / ops.cast(ranks + 1, "float32"), axis=1)


def _hits(ranks: Any, counts: Any, k: int) -> Any:
    return ops.cast(ops.logical_and(counts, ranks < k), "float32")


def _discount(ranks: Any) -> Any:
    return 1.0 / ops.log2(ops.cast(ranks, "float32") + 2.0)


def _ratio(part: Any, whole: Any) -> Any:
    return ops.sum(part, axis=1) / ops.maximum(ops.sum(whole, axis=1), 1e-9)
