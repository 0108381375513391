"""Products of the vectors of any two features of a row."""

from collections.abc import Sequence
from typing import Any

from keras import ops


def bi_interaction(inputs: Any) -> Any:
    """The sum of the products of all pairs: `sum_{i<j} x_i * x_j = ((sum_i x_i)^2 - sum_i x_i^2) / 2`.

    Costs B x F x D, not B x F^2 x D. The difference is taken in float32: in half precision it would lose what it seeks.
    Summed over D it is the second-order term of a factorization machine.

    Args:
        inputs: (B, F, D) float tensor.

    Returns:
        (B, D) float32 tensor.

    Reference:
        Rendle, "Factorization Machines", ICDM 2010, lemma 3.1; He and Chua, "Neural Factorization Machines for Sparse
        Predictive Analytics", SIGIR 2017, arXiv 1708.05027, whose name it bears.

    Example:
        >>> import numpy as np
        >>> np.asarray(bi_interaction(np.array([[[1.0], [2.0], [3.0]]], "float32"))).tolist()  # 2 + 3 + 6
        [[11.0]]
    """
    x = ops.cast(inputs, "float32")
    return 0.5 * (ops.square(ops.sum(x, axis=1)) - ops.sum(ops.square(x), axis=1))


def pair_products(inputs: Any) -> Any:
    """The product of each pair: `x_i * x_j` for i < j, ordered as `feature_pairs` orders them.

    Made of slices, one for each i: gathering by index would scatter the gradient, which costs several times as much.

    Args:
        inputs: (B, F, D) tensor with F of at least 2 known.

    Returns:
        (B, F (F - 1) / 2, D) tensor.

    Example:
        >>> import numpy as np
        >>> np.asarray(pair_products(np.array([[[1.0], [2.0], [3.0]]], "float32")))[0, :, 0].tolist()
        [2.0, 3.0, 6.0]
    """
    count = inputs.shape[1]
    return ops.concatenate([inputs[:, i : i + 1] * inputs[:, i + 1 :] for i in range(count - 1)], axis=1)


def feature_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs that `pair_products` multiplies.

    Example:
        >>> feature_pairs(["user", "item", "hour"])
        [('user', 'item'), ('user', 'hour'), ('item', 'hour')]
    """
    return [(one, other) for i, one in enumerate(names) for other in names[i + 1 :]]
