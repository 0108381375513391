"""Item masks. Everywhere in tfrec, id 0 is padding and id 1 is out of vocabulary."""

from typing import Any

from keras import ops

from tfrec.reserved_ids import PADDING_ID, RESERVED_IDS


def is_item(ids: Any) -> Any:
    """True for ids of catalogue items, False for padding and out-of-vocabulary ids.

    Args:
        ids: integer tensor of any shape.

    Returns:
        bool tensor of the same shape.

    Example:
        >>> import numpy as np
        >>> np.asarray(is_item(np.array([0, 1, 2, 9]))).tolist()
        [False, False, True, True]
    """
    return ops.greater_equal(ids, RESERVED_IDS)


def mask_items(scores: Any, ids: Any) -> Any:
    """Set the scores of the given items to -inf, for example those that a user has already seen.

    Args:
        scores: (B, V) float tensor, a score for every id.
        ids: (B, S) integer tensor; padding, repeated ids and ids of V or more are ignored. B x V must be below 2^31.

    Returns:
        (B, V) float tensor.

    Example:
        >>> import numpy as np
        >>> np.asarray(mask_items(np.zeros((1, 4), "float32"), np.array([[3, 3, 0]]))).tolist()
        [[-inf, 0.0, 0.0, -inf]]
    """
    batch, width = ops.shape(scores)[0], ops.shape(scores)[1]
    rows = ops.expand_dims(ops.arange(batch, dtype="int32") * width, 1)
    ids = ops.cast(ids, "int32")
    ids = ops.where(ids < width, ids, PADDING_ID)  # the mask token of masked-item training has no score
    cells = ops.reshape(rows + ids, (-1, 1))
    hits = ops.scatter(cells, ops.ones_like(cells[:, 0], dtype="float32"), (batch * width,))
    return ops.where(ops.reshape(hits, (batch, width)) > 0, ops.cast(-float("inf"), scores.dtype), scores)
