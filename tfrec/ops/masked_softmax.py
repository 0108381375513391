"""A softmax over the real positions of a padded sequence."""

from typing import Any

from keras import ops


def masked_softmax(scores: Any, padding_mask: Any) -> Any:
    """Softmax over the real positions of the last axis: 0 at padding, and 0 everywhere if all positions are padding.

    Args:
        scores: (..., L); computed in float32, returned in the dtype of the scores.
        padding_mask: bool, broadcastable to the shape of the scores, True at real positions.

    Example:
        >>> import numpy as np
        >>> masked_softmax(np.zeros((1, 3), "float32"), np.array([[False, True, True]])).numpy().tolist()
        [[0.0, 0.5, 0.5]]
    """
    scores = ops.convert_to_tensor(scores)
    # A finite value far below any score: -inf would give NaN in rows without a real position.
    shares = ops.softmax(ops.where(padding_mask, ops.cast(scores, "float32"), -1e9), axis=-1)
    return ops.cast(ops.where(padding_mask, shares, 0.0), scores.dtype)
