"""Vectors of length 1."""

from typing import Any

from keras import ops


def unit_vectors(x: Any, epsilon: float = 1e-6) -> Any:
    """Divide each vector by its length, in float32; vectors shorter than `epsilon` become 0, with a gradient of 0.

    The direction of a vector close to 0 is unreliable, and its gradient contains 1 / |x|, which overflows in half
    precision. `keras.ops.normalize` returns NaN there.

    Args:
        x: (..., D) float tensor.
        epsilon: the smallest length that is normalised.

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
    is_long = squares >= epsilon**2
    # `where` twice, because NaN times 0 in the gradient is NaN.
    units = exact * ops.rsqrt(ops.where(is_long, squares, 1.0))
    return ops.cast(ops.where(is_long, units, 0.0), x.dtype)
