"""The histories that a model is asked about, brought into the one form that it reads: items at the right end."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from tfrec.errors import InputError
from tfrec.models.known_ids import check_ids, in_memory
from tfrec.ops import PADDING_ID, RESERVED_IDS

_ALONG = ("history", "timestamps")


def asked(inputs: Any, model: str, sizes: Mapping[str, int]) -> Any:
    """Inputs whose histories end with their newest item.

    A model reads its answer at the last position. Padding and unknown ids are therefore moved to the front, with their
    time stamps, so that a history padded on the right gets the answer of the same history padded on the left.
    Tensors of a graph that is being traced are taken as they are.

    Args:
        inputs: name -> (B, L); an array alone, or nested lists, are the history.
        model: its name, for errors.
        sizes: name -> number of ids that the model has vectors for.

    Raises:
        InputError: where the history is no (B, L) of integers, or an id is outside of the model's table.
    """
    if not isinstance(inputs, Mapping):
        inputs = {"history": inputs}
    inputs = {name: np.asarray(one) if isinstance(one, Sequence) else one for name, one in inputs.items()}
    history = inputs.get("history")
    if history is None or not in_memory(history):
        return inputs
    ids = ops.convert_to_numpy(history)
    if ids.ndim != 2 or ids.dtype.kind not in "iuf":
        what = "texts" if ids.dtype.kind in "USO" else f"{ids.dtype} of shape {ids.shape}"
        raise InputError(
            f"{model} reads integer ids, (rows, positions) in 'history', got {what}. For raw ids of any length ask "
            "tfrec.inference.recommend(model, spec, histories), or a loaded preset's recommend."
        )
    check_ids(model, {"history": ids}, sizes)
    is_known = ids >= RESERVED_IDS
    if not (is_known[:, :-1] & ~is_known[:, 1:]).any():
        return inputs
    order = np.argsort(is_known, axis=1, kind="stable")
    is_known = np.take_along_axis(is_known, order, axis=1)
    moved = {
        name: np.where(is_known, np.take_along_axis(ops.convert_to_numpy(inputs[name]), order, axis=1), 0)
        for name in _ALONG
        if name in inputs
    }
    return {**inputs, **moved}


def is_padded_behind(history: Any) -> Any:
    """Whether padding stands behind an item: (B, L) ids -> bool."""
    real = ops.not_equal(history, PADDING_ID)
    return ops.any(ops.logical_and(real[:, :-1], ops.logical_not(real[:, 1:])))
