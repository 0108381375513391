"""Weighting of `tf.distribute` replicas that hold different numbers of rows.

Keras divides the mean of each replica by the number of replicas. This is the mean of the global batch only if all
replicas hold equally many rows; in a last batch they may not, and some may hold none.
"""

import sys
from typing import Any

import keras
from keras import ops


def summed(value: Any) -> Any:
    """Sum of a scalar over all replicas; the scalar itself with one replica or outside replicas."""
    if not _in_replicas():
        return value
    return sys.modules["tensorflow"].distribute.get_replica_context().all_reduce("SUM", value)


def shared_out(loss: Any, rows: Any) -> Any:
    """The loss of a replica, with its gradient scaled by the replica's share of the rows of the global batch.

    ```
    gradient = rows / (sum of rows / replicas) x gradient of the loss
    ```

    The value stays the mean of the replica, because Keras' tracker weights it by the rows; without rows it is 0.

    Args:
        loss: a scalar, the mean over the rows of the replica divided by the number of replicas.
        rows: how many rows the replica holds.
    """
    if not _in_replicas():
        return loss
    number = sys.modules["tensorflow"].distribute.get_strategy().num_replicas_in_sync
    rows = ops.cast(rows, "float32")
    share = rows * number / ops.maximum(summed(rows), 1.0)
    loss = ops.where(rows > 0, loss, 0.0)
    scaled = ops.cast(share, loss.dtype) * loss
    return scaled + ops.stop_gradient(loss - scaled)


def weight_of_each(counts: Any) -> Any:
    """The weight that makes `sum(weight x value) / size` the mean over the counted targets of the global batch.

    Args:
        counts: bool, True at the targets that count. All replicas hold rows of the same length.

    Returns:
        float32 of the shape of `counts`; None if one replica holds the whole batch.
    """
    if not _in_replicas():
        return None
    there = ops.cast(counts, "float32")
    size, real = summed(ops.sum(ops.ones_like(there))), summed(ops.sum(there))
    return ops.ones_like(there) * (size / ops.maximum(real, 1.0))


def _in_replicas() -> bool:
    tensorflow = sys.modules.get("tensorflow") if keras.backend.backend() == "tensorflow" else None
    if tensorflow is None or tensorflow.distribute.in_cross_replica_context():
        return False
    return tensorflow.distribute.get_strategy().num_replicas_in_sync > 1
