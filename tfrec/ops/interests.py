"""Choose the interest of a multi-interest model that matches an item best."""

from typing import Any

from keras import ops


def chosen_interest(queries: Any, vectors: Any) -> Any:
    """Select the query vector with the highest inner product with a given vector; the first one wins ties.

    Only the selected query receives a gradient; the selection itself is not differentiable.

    Args:
        queries: (..., K, D) float tensor.
        vectors: (..., D) float tensor, one vector per group of K queries.

    Returns:
        (..., D) of the type of `queries`.

    Reference:
        Cen et al., "Controllable Multi-Interest Framework for Recommendation", KDD 2020, arXiv 2005.09347, equation 10.

    Example:
        >>> import numpy as np
        >>> queries = np.array([[[1.0, 0.0], [0.0, 2.0]]], "float32")
        >>> np.asarray(chosen_interest(queries, np.array([[3.0, 1.0]], "float32"))).tolist()
        [[1.0, 0.0]]
    """
    scores = ops.sum(queries * ops.expand_dims(ops.cast(vectors, queries.dtype), -2), axis=-1)
    choice = ops.one_hot(ops.argmax(scores, axis=-1), queries.shape[-2], dtype=queries.dtype)
    return ops.sum(queries * ops.expand_dims(choice, -1), axis=-2)
