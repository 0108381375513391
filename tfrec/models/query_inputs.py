"""Bring the inputs of queries into the form that models read: padding on the left, with users and histories."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from tfrec.errors import InputError
from tfrec.models.known_ids import check_ids, in_memory
from tfrec.ops import PADDING_ID, RESERVED_IDS, UNKNOWN_ID

_ALONG = ("history", "timestamps")


def left_padded(inputs: Any, model: str, sizes: Mapping[str, int]) -> Any:
    """Move padding and unknown ids to the left, so that each history ends with its newest item.

    A model reads its output at the last position. A history padded on the right therefore gets the same scores as one
    padded on the left. Timestamps move with their ids. Symbolic tensors are returned unchanged.

    Args:
        inputs: name -> (B, L); an array or nested lists are taken as the history.
        model: name of the model, for errors.
        sizes: name -> number of ids that the model has vectors for.

    Raises:
        InputError: if the history is not a (B, L) array of integers, or an id is outside the model's table.
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
            f"{model} expects integer ids in 'history', (rows, positions), got {what}. For raw ids, call "
            "tfrec.inference.recommend(model, spec, histories), or recommend of a loaded preset."
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


def with_users(inputs: Mapping[str, Any], model: str, sizes: Mapping[str, int]) -> dict[str, Any]:
    """Add missing users or histories: a missing user becomes the unknown id, a missing history is empty.

    Args:
        inputs: "user" (B,), "history" (B, L), or both, and all other inputs of the model.
        model: name of the model, for errors.
        sizes: name -> number of ids that the model has vectors for.

    Raises:
        InputError: if the user ids are not (B,) integers, or one is outside the model's table.
    """
    user, history = inputs.get("user"), inputs.get("history")
    if user is None and history is None:
        raise InputError(f'{model} reads user ids: pass {{"user": (rows,)}}, {{"history": (rows, positions)}} or both.')
    if user is None:
        user = ops.full((ops.shape(history)[0],), UNKNOWN_ID, "int32")
    elif in_memory(user):
        ids = ops.convert_to_numpy(user)
        if ids.ndim != 1 or ids.dtype.kind not in "iuf":
            raise InputError(
                f"{model} expects integer ids in 'user', (rows,), got {ids.dtype} of shape {ids.shape}. For raw ids, "
                "call tfrec.inference.recommend(model, spec, users=[...]), or recommend of a loaded preset."
            )
        check_ids(model, {"user": ids}, sizes)
    if history is None:
        history = ops.zeros((ops.shape(user)[0], 1), "int32")
    return {**inputs, "user": user, "history": history}


def has_padding_after_items(history: Any) -> Any:
    """Whether padding follows an item in any row: (B, L) ids -> bool."""
    real = ops.not_equal(history, PADDING_ID)
    return ops.any(ops.logical_and(real[:, :-1], ops.logical_not(real[:, 1:])))
