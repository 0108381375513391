"""Ages of the positions of a padded sequence."""

from typing import Any

from keras import ops


def event_ages(padding_mask: Any) -> Any:
    """The distance of each position to the newest real one, counted backwards.

    The newest real position has age 0, with padding on the left, on the right or in between.

    Args:
        padding_mask: (B, L) bool, True at real positions.

    Returns:
        (B, L) int32; negative at padding after the newest real position, and in rows without real positions.

    Example:
        >>> import numpy as np
        >>> np.asarray(event_ages(np.array([[False, True, True], [True, True, False]]))).tolist()
        [[2, 1, 0], [1, 0, -1]]
    """
    places = ops.cumsum(ops.ones_like(padding_mask, dtype="int32"), axis=1)
    newest = ops.max(ops.where(padding_mask, places, 0), axis=1, keepdims=True, initial=0)
    return newest - places
