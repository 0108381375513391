"""The running mean over a padded sequence."""

from typing import Any

from keras import ops


def prefix_mean(inputs: Any, padding_mask: Any) -> Any:
    """At each position, the mean over all real positions up to and including it; 0 if there are none.

    Args:
        inputs: (B, L, D) float tensor.
        padding_mask: (B, L) bool, True at real positions.

    Returns:
        (B, L, D) tensor of the type of `inputs`, summed in float32.

    Example:
        >>> import numpy as np
        >>> x = np.array([[[9.0], [2.0], [4.0]]], "float32")
        >>> np.asarray(prefix_mean(x, np.array([[False, True, True]])))[0, :, 0].tolist()
        [0.0, 2.0, 3.0]
    """
    is_real = ops.cast(ops.expand_dims(padding_mask, -1), "float32")
    totals = ops.cumsum(ops.cast(inputs, "float32") * is_real, axis=1)
    means = totals / ops.maximum(ops.cumsum(is_real, axis=1), 1.0)
    return ops.cast(means, inputs.dtype)
