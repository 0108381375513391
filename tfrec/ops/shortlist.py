"""The best items and the target: all that a ranking metric needs from the scores of a large catalogue."""

from typing import Any

from keras import ops


def shortlist(scores: Any, targets: Any, k: int) -> tuple[Any, Any]:
    """The K highest scores of each row and the score of its target, with labels, for ranking metrics up to K.

    Ranking metrics spend most of their time sorting the whole catalogue; metrics up to K need only these scores.

    Args:
        scores: (B, V) finite float tensor, a score for every id.
        targets: (B,) integer ids; a negative id, or one with the lowest score, is a miss.
        k: K, at most V.

    Returns:
        labels (B, K + 1) float32, 1 at the target, and scores (B, K + 1). The last column holds the target's score if
        the target is not among the K best, else the lowest score.

    Example:
        >>> import numpy as np
        >>> labels, best = shortlist(np.array([[0.1, 0.9, 0.5, 0.3]], "float32"), np.array([3]), k=2)
        >>> np.asarray(labels).tolist(), np.asarray(best).round(1).tolist()
        ([[0.0, 0.0, 1.0]], [[0.8999999761581421, 0.5, 0.30000001192092896]])
    """
    best, ids = ops.top_k(scores, k)
    targets = ops.expand_dims(ops.cast(targets, "int32"), -1)
    found = ops.cast(ops.equal(ops.cast(ids, "int32"), targets), "float32")
    missing = 1.0 - ops.sum(found, axis=-1, keepdims=True)
    own = ops.take_along_axis(scores, targets, axis=-1)
    last = ops.where(missing > 0, ops.minimum(own, best[:, -1:]), ops.min(best, axis=-1, keepdims=True))
    return ops.concatenate([found, missing], axis=-1), ops.concatenate([best, last], axis=-1)
