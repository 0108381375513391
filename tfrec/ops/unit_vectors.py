"""Vectors of length 1."""

from typing import Any

from keras import ops


def unit_vectors(x: Any, epsilon: float = 1e-6) -> Any:
    """Divide each vector by its length, in float32; vectors shorter than `epsilon` become 0, and have a gradient of 0.

    A vector that is all but 0 has no direction that could be trusted, and 1 / |x| in its gradient: an infinity in half
    precision. `keras.ops.normalize` has NaN there.

    Args:
        x: (..., D) float tensor.
        epsilon: the least length.

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
    # Twice, as a gradient of NaN times 0 is NaN.
    units = exact * ops.rsqrt(ops.where(is_long, squares, 1.0))
    return ops.cast(ops.where(is_long, units, 0.0), x.dtype)
