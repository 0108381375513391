"""The simplest baseline: the most frequent items for everyone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfrec.data import FeatureSpec
from tfrec.reserved_ids import RESERVED_IDS


class Popularity:
    """Ranks items by their count in the training data, the same for all users.

    Args:
        spec: fitted on the training data.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import Interactions
        >>> table = Interactions.from_pandas(pd.DataFrame({"u": [1, 2], "i": ["x", "x"]}), user="u", item="i")
        >>> Popularity(FeatureSpec.fit(table)).score({"history": np.array([[2]])}).tolist()
        [[-inf, -inf, 2.0]]
    """

    name = "popularity"

    def __init__(self, spec: FeatureSpec) -> None:
        self._scores = np.concatenate([np.full(RESERVED_IDS, -np.inf), spec.item_counts]).astype(np.float32)

    def score(self, inputs: dict[str, Any]) -> np.ndarray:
        """Count of every id, (B, V + 2) float32."""
        return np.broadcast_to(self._scores, (len(inputs["history"]), len(self._scores)))
