"""Element-wise products of pairs of feature vectors."""

from collections.abc import Sequence
from typing import Any

from keras import ops


def bi_interaction(inputs: Any) -> Any:
    """The sum of the products of all pairs: `sum_{i<j} x_i * x_j = ((sum_i x_i)^2 - sum_i x_i^2) / 2`.

    Costs B x F x D, not B x F^2 x D. The difference is computed in float32, because half precision would lose it to
    cancellation. Summed over D, it is the second-order term of a factorization machine.

    Args:
        inputs: (B, F, D) float tensor.

    Returns:
        (B, D) float32 tensor.

    Reference:
        Rendle, "Factorization Machines", ICDM 2010, lemma 3.1; He and Chua, "Neural Factorization Machines for Sparse
        Predictive Analytics", SIGIR 2017, arXiv 1708.05027, which introduced the name.

    Example:
        >>> import numpy as np
        >>> np.asarray(bi_interaction(np.array([[[1.0], [2.0], [3.0]]], "float32"))).tolist()  # 2 + 3 + 6
        [[11.0]]
    """
    x = ops.cast(inputs, "float32")
    return 0.5 * (ops.square(ops.sum(x, axis=1)) - ops.sum(ops.square(x), axis=1))


def pair_products(inputs: Any) -> Any:
    """The product of each pair of features, in the order of `feature_pairs`.

    Each row is multiplied with itself, shifted by 1, 2, .. F / 2 features: a few products of long rows. Slicing or
    gathering single features gives the same result, but costs more, both forward and in the gradient.

    Args:
        inputs: (B, F, D) tensor with F of at least 2 and D known.

    Returns:
        (B, F (F - 1) / 2, D) tensor.

    Example:
        >>> import numpy as np
        >>> np.asarray(pair_products(np.array([[[2.0], [3.0], [5.0]]], "float32")))[0, :, 0].tolist()
        [6.0, 15.0, 10.0]
    """
    count, width = inputs.shape[1:]
    row = ops.reshape(inputs, (-1, count * width))
    twice = ops.concatenate([row, row[:, : count // 2 * width]], axis=1)
    products = [row * twice[:, by * width : (by + count) * width] for by in range(1, (count - 1) // 2 + 1)]
    if count % 2 == 0:  # a shift by half of the features would give every pair twice
        half = count // 2 * width
        products.append(row[:, :half] * row[:, half:])
    return ops.reshape(ops.concatenate(products, axis=1), (-1, count * (count - 1) // 2, width))


def feature_pairs(features: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The pairs that `pair_products` multiplies: features at circular distance 1 first, then 2, and so on.

    Example:
        >>> feature_pairs(["user", "item", "hour"])
        [('user', 'item'), ('item', 'hour'), ('user', 'hour')]
    """
    count = len(features)
    moved = [(i, (i + by) % count) for by in range(1, (count - 1) // 2 + 1) for i in range(count)]
    opposite = [(i, i + count // 2) for i in range(count // 2)] if count % 2 == 0 else []
    return [(features[min(pair)], features[max(pair)]) for pair in [*moved, *opposite]]
