"""The item vectors that an index searches, shared with the model's weights if they are equal."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfrec.models import RetrievalModel
from tfrec.ops import RESERVED_IDS
from tfrec.serving.indexes import Exact


def exact_indexes(model: RetrievalModel, num_items: int, withdrawn: np.ndarray | None = None) -> tuple[Exact, Exact]:
    """Two exact indexes of a model's items, by inner product and by cosine, over one table.

    If a weight of the model holds these vectors, or their int8 form with one scale per row, the indexes share it. Then
    the export contains the vectors once, and so does the server's memory.
    """
    table = keras.ops.convert_to_numpy(model.item_table()).astype(np.float32)[RESERVED_IDS:]
    rows, first, scale = _own_rows(model, table) or (
        tf.Variable(table, trainable=False, name="item_vectors"),
        0,
        None,
    )
    norms = np.linalg.norm(table, axis=1)
    inverse = tf.constant(np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0), tf.float32)
    return (
        Exact(rows, num_items, first, scale, withdrawn=withdrawn),
        Exact(rows, num_items, first, scale, inverse, withdrawn=withdrawn),
    )


def _own_rows(model: RetrievalModel, table: np.ndarray) -> tuple[tf.Variable, int, tf.Tensor | None] | None:
    """The weight of the model that holds the table, the row of its first item, and the scales of its rows."""
    for weight in model.weights:
        if len(weight.shape) != 2 or weight.shape[1] != table.shape[1] or weight.shape[0] < len(table) + RESERVED_IDS:
            continue
        rows = keras.ops.convert_to_numpy(weight)[RESERVED_IDS : RESERVED_IDS + len(table)]
        if weight.dtype == "float32" and np.array_equal(rows, table):
            return weight.value, RESERVED_IDS, None
        if weight.dtype == "int8":
            rows = rows.astype(np.float32)
            squares = (rows**2).sum(1)
            scale = np.divide((rows * table).sum(1), squares, out=np.zeros_like(squares), where=squares > 0)
            if np.allclose(rows * scale[:, None], table, atol=1e-6):
                return weight.value, RESERVED_IDS, tf.constant(scale, tf.float32)
    return None
