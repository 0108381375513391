"""The vectors that an index searches, shared with the model where they are the same."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfrec.models import RetrievalModel
from tfrec.ops import RESERVED_IDS


def item_table(model: RetrievalModel) -> tuple[tf.Variable, int]:
    """A variable that holds the item vectors, and the row of the first: the model's own weight where it has one.

    Weights are then written once, and a server holds them once.
    """
    table = keras.ops.convert_to_numpy(model.item_table()).astype(np.float32)
    for weight in model.weights:
        same_kind = weight.dtype == "float32" and len(weight.shape) == 2 and weight.shape[1] == table.shape[1]
        if same_kind and weight.shape[0] >= table.shape[0]:
            values = keras.ops.convert_to_numpy(weight)[: table.shape[0]]
            if np.array_equal(values[RESERVED_IDS:], table[RESERVED_IDS:]):
                return weight.value, RESERVED_IDS
    return tf.Variable(table[RESERVED_IDS:], trainable=False, name="item_vectors"), 0


def inverse_norms(table: tf.Variable, first: int, num_items: int) -> tf.Tensor:
    """1 / |vector| of each item, 0 for a vector of zeros."""
    norms = np.linalg.norm(table.numpy()[first : first + num_items], axis=1)
    return tf.constant(np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0), tf.float32)
