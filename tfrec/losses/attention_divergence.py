"""Divergence of learned attention weights from given ones."""

from typing import Any

from keras import ops

_LEAST = 1e-7


def attention_divergence(given: Any, learned: Any, mask: Any = None) -> Any:
    """KL(given || learned) of the attention weights of each row.

    ```
    g = given / sum given;  KL = sum_j g_j log(g_j / max(learned_j, 1e-7))    0 where all given_j are 0
    ```

    The result is the mean over the heads and queries that have given weights; given weights without these axes apply to
    all of them. The given weights need not sum to one; negative values, NaN and weights at padding count as 0. Rows
    whose given weights are all 0 are not supervised: their KL and its gradient are 0.

    Args:
        given: (B, L), or with the middle axes of `learned`.
        learned: (B, ..., L), weights that sum to at most one over the last axis.
        mask: (B, L) bool, True at real positions; None if all are real.

    Returns:
        (B,) float32.

    Example:
        >>> import numpy as np
        >>> learned = np.array([[0.0, 0.5, 0.5]], "float32")
        >>> round(float(attention_divergence(np.array([[0.0, 2.0, 0.0]], "float32"), learned)[0]), 3)  # log 2
        0.693
    """
    learned, given = ops.cast(learned, "float32"), ops.cast(given, "float32")
    if mask is not None:
        given = ops.where(_spread(mask, len(given.shape)), given, 0.0)
    given = ops.where(given > 0, given, 0.0)  # NaN is not greater than 0
    total = ops.sum(given, axis=-1, keepdims=True)
    given = given / ops.where(total > 0, total, 1.0)
    given = _spread(given, len(learned.shape))
    is_given = ops.cast(_spread(total, len(learned.shape))[..., 0] > 0, "float32")
    apart = given * (ops.log(ops.maximum(given, _LEAST)) - ops.log(ops.maximum(learned, _LEAST)))
    apart, middle = ops.sum(apart, axis=-1), tuple(range(1, len(learned.shape) - 1))
    if not middle:
        return apart
    number = ops.sum(is_given + ops.zeros_like(apart), axis=middle)
    return ops.sum(apart, axis=middle) / ops.maximum(number, 1.0)


def _spread(x: Any, rank: int) -> Any:
    while len(x.shape) < rank:
        x = ops.expand_dims(x, 1)
    return x
