"""A warning about what makes XLA slow: a graph for every length that a batch may have."""

import warnings
from typing import Any

import keras


def warn_of_xla(model: Any, data: Any) -> None:
    """Warn where a model that is compiled by XLA is about to be trained on batches of many widths.

    Args:
        model: a compiled model.
        data: what `fit` was given first; a `tf.data.Dataset` says of which shapes its batches are.
    """
    spec = getattr(data, "element_spec", None)
    if spec is None or keras.backend.backend() != "tensorflow" or model.run_eagerly or not model.jit_compile:
        return
    inputs = spec[0] if isinstance(spec, tuple) else spec
    widths = [getattr(one, "shape", None) for one in keras.tree.flatten(inputs)]
    if any(shape is not None and shape.rank and None in shape.as_list()[1:] for shape in widths):
        warnings.warn(
            "XLA (jit_compile) compiles a graph for every width of a batch, and these batches have many, as those of "
            "group_by_length=True and of histories that are padded to the longest of their batch do: training was 13 "
            "times slower than without. Call compile(..., jit_compile=False), or use group_by_length=False.",
            stacklevel=3,
        )
