"""The known items of each user, as flat arrays and as padded rows."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tfrec.data.spec.feature_spec import FeatureSpec
from tfrec.data.tables.interactions import Interactions
from tfrec.data.tables.timestamps import unix_seconds
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS


def histories(table: Interactions, spec: FeatureSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All known items of a table as one flat array, with each user's bounds in it.

    Returns:
        ids (N,) int32 without unknown items; first and after-last positions, (num_users,) int64, indexed by the
        table's user codes: equal where a user has nothing.
    """
    ids = spec.items.encode(table.item_ids)[table.item_codes]
    known = ids >= RESERVED_IDS
    bounds = np.searchsorted(table.user_codes[known], np.arange(len(table.user_ids) + 1))
    return ids[known], bounds[:-1], bounds[1:]


def history_inputs(table: Interactions, spec: FeatureSpec, inputs: Collection[str]) -> dict[str, np.ndarray]:
    """What a model reads of each known item, as flat arrays in the order of `histories`.

    Args:
        table: interactions.
        spec: vocabulary.
        inputs: names of the model's inputs.

    Returns:
        by name, "history" first: ids (N,) int32, and time stamps (N,) int64, seconds since 1970.

    Raises:
        InputError: where a name is unknown, or time stamps are asked for and the table has none.
    """
    unknown = sorted(set(inputs) - {"history", "timestamps"})
    if unknown or "history" not in inputs:
        raise InputError(
            f'The inputs of a model are "history" and, where it reads them, "timestamps": got {list(inputs)}.'
        )
    ids = spec.items.encode(table.item_ids)[table.item_codes]
    columns = {"history": ids[ids >= RESERVED_IDS]}
    if "timestamps" in inputs:
        if table.times is None:
            raise InputError(
                f"The model reads time stamps, and {table!r} has none: its rows only have an order. Name the column of "
                "times, or take a model that reads the order alone, such as SASRec."
            )
        columns["timestamps"] = unix_seconds(table.times)[ids >= RESERVED_IDS]
    return columns


def pad_left(values: np.ndarray, starts: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
    """The newest `width` of each stretch of a flat array as a row, padded with 0 on the left: (B, width), same type.

    Example:
        >>> pad_left(np.array([5, 6, 7, 8]), np.array([0, 1]), np.array([1, 4]), width=2).tolist()
        [[0, 5], [7, 8]]
    """
    if not len(values):
        return np.zeros((len(starts), width), values.dtype)
    at = ends[:, None] + np.arange(-width, 0)
    return np.where(at >= starts[:, None], values[np.maximum(at, 0)], 0).astype(values.dtype)
