"""A softmax over the real positions of a padded sequence."""

from typing import Any

from keras import ops


def masked_softmax(scores: Any, padding_mask: Any) -> Any:
    """Shares of 1 over the real positions of the last axis; 0 at padding, and everywhere if all is padding.

    Args:
        scores: (..., L); computed in float32, given back in their own dtype.
        padding_mask: bool, of a shape that broadcasts to that of the scores, True at real positions.

    Example:
        >>> import numpy as np
        >>> masked_softmax(np.zeros((1, 3), "float32"), np.array([[False, True, True]])).numpy().tolist()
        [[0.0, 0.5, 0.5]]
    """
    scores = ops.convert_to_tensor(scores)
    # Finite, and far below any score: minus infinity would make NaN of a row without a real position.
    shares = ops.softmax(ops.where(padding_mask, ops.cast(scores, "float32"), -1e9), axis=-1)
    return ops.cast(ops.where(padding_mask, shares, 0.0), scores.dtype)
