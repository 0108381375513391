"""Popularity scores, the fallback for histories without a known item."""

from typing import Any

import numpy as np

from tfrec.reserved_ids import RESERVED_IDS


def popularity_scores(counts: Any) -> np.ndarray:
    """log(share of all interactions) of every id.

    Args:
        counts: (V,) number of interactions of each item, in the order of the ids.

    Returns:
        (V + 2,) float32; -inf for ids 0 and 1. Items that never occur get a share of 1e-12.

    Example:
        >>> np.exp(popularity_scores([3, 1])).tolist()
        [0.0, 0.0, 0.75, 0.25]
    """
    counts = np.asarray(counts, np.float64)
    share = counts / max(counts.sum(), 1)
    return np.concatenate([[-np.inf] * RESERVED_IDS, np.log(np.maximum(share, 1e-12))]).astype(np.float32)
