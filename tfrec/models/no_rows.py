"""Calls with a batch that has no rows, such as the share of a replica in a short last batch.

Keras adds two tensors of the static shape (0, D) with TensorFlow's BiasAdd kernel, which raises an error.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree


def of_any_rows(function: Callable[..., Any], inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """`function(inputs, ...)`, also for inputs that are known to have no rows.

    For such inputs, the function is called with one row of zeros, which is then removed from the outputs. It is called
    with training=False, so averages do not change and layers add no loss for this row.

    Args:
        function: a model or a part of one; its outputs have one row per row of the inputs.
        inputs: tensors or arrays, in any nesting.
        *args: further arguments.
        **kwargs: further arguments.

    Example:
        >>> import numpy as np
        >>> of_any_rows(lambda x: x + x, np.zeros((0, 2))).shape
        TensorShape([0, 2])
    """
    if not any(_has_no_rows(one) for one in tree.flatten(inputs)):
        return function(inputs, *args, **kwargs)
    if kwargs.get("training"):
        kwargs["training"] = False
    one_row = tree.map_structure(lambda one: ops.zeros((1, *ops.shape(one)[1:]), one.dtype), inputs)
    return tree.map_structure(lambda one: one[:0], function(one_row, *args, **kwargs))


def _has_no_rows(one: Any) -> bool:
    shape = getattr(one, "shape", None)
    return shape is not None and not isinstance(one, keras.KerasTensor) and tuple(shape[:1]) == (0,)
