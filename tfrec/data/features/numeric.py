"""A number."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import pandas as pd

from tfrec.data.features.feature import Feature
from tfrec.errors import InputError

SCALINGS = ("standard", "log")
LIMIT = 10.0  # standard deviations


@dataclasses.dataclass(frozen=True, kw_only=True)
class Numeric(Feature):
    """A number, scaled by the mean and the deviation that it has in training.

    ```
    standard:  (x - mean) / deviation;    log:  the same of sign(x) log(1 + |x|)
    ```

    What is no finite number is missing, which is NaN: models have a vector for it, so a missing age is not the mean
    age. Numbers are cut at ten deviations, where no training value may have been.

    Attributes:
        scaling: "standard", or "log" for counts and prices.
        mean: after `fit`, of what the scaling made of the values.
        deviation: likewise; 1 where all values are equal.

    Example:
        >>> feature = Numeric("age").fit(pd.Series([20, 40, None]))
        >>> feature.encode(pd.Series([30, "50", "old"])).tolist()
        [0.0, 2.0, nan]
    """

    kind = "numeric"
    dtype = np.float32
    missing = np.nan

    scaling: str = "standard"
    mean: float | None = None
    deviation: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scaling not in SCALINGS:
            raise InputError(f"scaling of the feature '{self.column}' is one of {SCALINGS}, got {self.scaling!r}.")

    def fit(self, values: pd.Series) -> Self:
        """See `Feature`."""
        known = self._unscaled(values)
        known = known[~np.isnan(known)]
        mean = float(known.mean()) if len(known) else 0.0
        deviation = float(known.std()) if len(known) else 1.0
        return dataclasses.replace(
            self, mean=mean, deviation=deviation if deviation > 1e-9 * max(1, abs(mean)) else 1.0
        )

    def encode(self, values: pd.Series) -> np.ndarray:
        """(N,) float32."""
        scaled = (self._unscaled(values) - self.mean) / self.deviation
        return np.clip(scaled, -LIMIT, LIMIT).astype(np.float32)

    def _unscaled(self, values: pd.Series) -> np.ndarray:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        return np.sign(numbers) * np.log1p(np.abs(numbers)) if self.scaling == "log" else numbers
