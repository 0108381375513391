"""Binary cross-entropy of the next event against a sampled one: DIEN's auxiliary loss."""

from typing import Any

from keras import ops


def next_event_cross_entropy(expected: Any, events: Any, negatives: Any, is_event: Any) -> Any:
    """How well the prediction at each position distinguishes the next event from a sampled one.

    ```
    loss = mean over rows, mean over their pairs (l, l + 1):  -log sigmoid(p_l . e_{l+1}) - log(1 - sigmoid(p_l . n_{l+1}))
    ```

    A pair counts if both positions are real. A row without pairs has loss 0 and is included in the mean, so the loss of
    a batch is the mean of the losses of its rows.

    Args:
        expected: (B, L, E) float, the prediction p of the next event at each position.
        events: (B, L, E) float, vectors of the events.
        negatives: (B, L, E) float, vectors of sampled items.
        is_event: (B, L) bool, True at real positions.

    Returns:
        a float32 scalar.

    Reference:
        Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction", AAAI 2019, arXiv 1809.03672,
        equation 6, in which the pairs of a row are summed.

    Example:
        >>> import numpy as np
        >>> zeros, mask = np.zeros((1, 3, 4), "float32"), np.array([[False, True, True]])
        >>> round(float(next_event_cross_entropy(zeros, zeros + 1, zeros - 1, mask)), 4)  # twice log 2
        1.3863
    """  # noqa: E501  (a formula)

    def agreement(vectors: Any) -> Any:
        return ops.sum(ops.cast(expected[:, :-1] * vectors[:, 1:], "float32"), axis=-1)

    each = ops.softplus(-agreement(events)) + ops.softplus(agreement(negatives))
    is_pair = is_event[:, :-1] & is_event[:, 1:]
    count = ops.sum(ops.cast(is_pair, "float32"), axis=-1)
    of_row = ops.sum(ops.where(is_pair, each, 0.0), axis=-1) / ops.maximum(count, 1.0)
    return ops.mean(of_row)
