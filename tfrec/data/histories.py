"""The known items of each user, as flat arrays and as padded rows."""

from __future__ import annotations

import numpy as np

from tfrec.data.feature_spec import FeatureSpec
from tfrec.data.interactions import Interactions


def histories(table: Interactions, spec: FeatureSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All known items of a table as one flat array, with each user's bounds in it.

    Returns:
        ids (N,) int32 without unknown items; first and after-last positions, (num_users,) int64, indexed by the
        table's user codes: equal where a user has nothing.
    """
    ids = spec.items.encode(table.item_ids)[table.item_codes]
    known = ids > 1
    bounds = np.searchsorted(table.user_codes[known], np.arange(len(table.user_ids) + 1))
    return ids[known], bounds[:-1], bounds[1:]


def pad_left(ids: np.ndarray, starts: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
    """The newest `width` ids of each stretch of a flat array as a row, padded with 0 on the left: (B, width) int32.

    Example:
        >>> pad_left(np.array([5, 6, 7, 8]), np.array([0, 1]), np.array([1, 4]), width=2).tolist()
        [[0, 5], [7, 8]]
    """
    if not len(ids):
        return np.zeros((len(starts), width), np.int32)
    at = ends[:, None] + np.arange(-width, 0)
    return np.where(at >= starts[:, None], ids[np.maximum(at, 0)], 0).astype(np.int32)
