"""The known items of each user, as flat arrays and as padded rows."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tfrec.data.batches.given_attention import GIVEN, attention_column
from tfrec.data.spec.feature_spec import FeatureSpec
from tfrec.data.tables.interactions import Interactions
from tfrec.data.tables.timestamps import unix_seconds
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS


def histories(table: Interactions, spec: FeatureSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All known items of a table as one flat array, with the bounds of each user.

    Returns:
        ids (N,) int32 without unknown items; first and after-last positions, (num_users,) int64, indexed by the table's
        user codes and equal for users without known items.
    """
    ids = spec.items.encode(table.item_ids)[table.item_codes]
    known = ids >= RESERVED_IDS
    bounds = np.searchsorted(table.user_codes[known], np.arange(len(table.user_ids) + 1))
    return ids[known], bounds[:-1], bounds[1:]


def history_inputs(
    table: Interactions, spec: FeatureSpec, inputs: Collection[str], attention: str | None = None
) -> dict[str, np.ndarray]:
    """The inputs that a model reads for each known item, as flat arrays in the order of `histories`.

    Args:
        table: interactions.
        spec: vocabulary.
        inputs: names of the model's inputs.
        attention: column of the weights that the items should get in an attention, or None.

    Returns:
        by name, "history" first: ids (N,) int32, timestamps (N,) int64, Unix seconds, and "given_attention" (N,)
        float32.

    Raises:
        InputError: if a name is unknown, or timestamps are requested but the table has none.
    """
    unknown = sorted(set(inputs) - {"history", "timestamps"})
    if unknown or "history" not in inputs:
        raise InputError(f'inputs must be "history" and optionally "timestamps", got {list(inputs)}.')
    ids = spec.items.encode(table.item_ids)[table.item_codes]
    columns = {"history": ids[ids >= RESERVED_IDS]}
    if "timestamps" in inputs:
        if table.times is None:
            raise InputError(
                f"The model reads timestamps, but {table!r} has none. Name the time column, or use a model that reads "
                "only the order, such as SASRec."
            )
        columns["timestamps"] = unix_seconds(table.times)[ids >= RESERVED_IDS]
    if attention is not None:
        columns[GIVEN] = attention_column(table, attention)[ids >= RESERVED_IDS]
    return columns


def pad_left(values: np.ndarray, starts: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
    """The newest `width` values of each slice of a flat array, padded with 0 on the left: (B, width), same dtype.

    Example:
        >>> pad_left(np.array([5, 6, 7, 8]), np.array([0, 1]), np.array([1, 4]), width=2).tolist()
        [[0, 5], [7, 8]]
    """
    if not len(values):
        return np.zeros((len(starts), width), values.dtype)
    at = ends[:, None] + np.arange(-width, 0)
    return np.where(at >= starts[:, None], values[np.maximum(at, 0)], 0).astype(values.dtype)
