"""Vectors of length 1."""

from typing import Any

from keras import ops


def unit_vectors(x: Any, epsilon: float = 1e-6) -> Any:
    """Divide each vector by its length: `x / max(|x|, epsilon)`, in float32, with a gradient of 0 at the zero vector.

    `keras.ops.normalize` has the same values, but its gradient at the zero vector is NaN.

    Args:
        x: (..., D) float tensor.
        epsilon: shorter vectors stay shorter than 1.

    Returns:
        (..., D) tensor of the type of `x`.

    Example:
        >>> import numpy as np
        >>> np.asarray(unit_vectors(np.array([[0.0, 4.0], [0.0, 0.0]], "float32"))).round(3).tolist()
        [[0.0, 1.0], [0.0, 0.0]]
    """
    x = ops.convert_to_tensor(x)
    exact = ops.cast(x, "float32")
    squares = ops.sum(ops.square(exact), axis=-1, keepdims=True)
    return ops.cast(exact * ops.rsqrt(ops.maximum(squares, epsilon**2)), x.dtype)
