"""A number."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import pandas as pd

from tfrec.data.features.feature import Feature
from tfrec.data.tables.dates import holds_dates
from tfrec.data.tables.plain_columns import plain_column
from tfrec.errors import InputError

SCALINGS = ("standard", "log")
LIMIT = 10.0  # standard deviations


@dataclasses.dataclass(frozen=True, kw_only=True)
class Numeric(Feature):
    """A number, standardised by its mean and standard deviation in the training data.

    ```
    standard:  (x - mean) / deviation;    log:  the same with sign(x) log(1 + |x|) for x
    ```

    Values that are not finite numbers are missing and encoded as NaN. Models have a vector for missing values, so a
    missing age is not the mean age. Results are clipped to ten deviations. Values are first rounded to float32, because
    a server receives float32.

    Attributes:
        scaling: "standard", or "log" for counts and prices.
        mean: mean of the values or, for "log", of their logarithms; set by `fit`.
        deviation: likewise their standard deviation; 1 if all values are equal.

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
            raise InputError(f"scaling of the feature '{self.column}' must be one of {SCALINGS}, got {self.scaling!r}.")

    def fit(self, values: pd.Series) -> Self:
        """See `Feature`; raises `InputError` if float32 cannot represent the numbers."""
        if fault := self.fault(values):
            raise InputError(f"The column '{self.column}' cannot be numeric: it {fault}.")
        known = self._unscaled(values)
        known = known[~np.isnan(known)]
        mean = float(known.mean()) if len(known) else 0.0
        deviation = float(known.std()) if len(known) else 1.0
        return dataclasses.replace(self, mean=mean, deviation=deviation if deviation > 1e-9 * abs(mean) else 1.0)

    def fault(self, values: pd.Series) -> str | None:
        """Why a column cannot be read as float32 without losing information, or None."""
        if holds_dates(plain_column(values)):
            return "has dates: name it as the time, or convert it to numbers, such as the hour"
        known = _finite(values)
        known = known[~np.isnan(known)]
        too_large = int((np.abs(known) > np.finfo(np.float32).max).sum())
        if too_large:
            return f"has {too_large:,} numbers outside the range of float32, 3.4e38: rescale it, or remove them"
        if not len(known):
            return None
        mean, deviation = float(known.mean()), float(known.std())
        step = float(np.spacing(np.float32(abs(mean))))
        if 1e-12 * abs(mean) < deviation < step:  # less is the rounding of equal numbers in float64
            return (
                f"has numbers that differ by about {deviation:.3g} around {mean:.12g}, but float32 has steps of "
                f"{step:.3g} there: subtract an offset from it"
            )
        return None

    def encode(self, values: pd.Series) -> np.ndarray:
        """(N,) float32; raises `InputError` if the column holds dates, which pandas would convert to a count."""
        if holds_dates(plain_column(values)):
            raise InputError(f"The feature '{self.column}' is numeric, but the column of this table holds dates.")
        scaled = (self._unscaled(values) - self.mean) / self.deviation
        return np.clip(scaled, -LIMIT, LIMIT).astype(np.float32)

    def _unscaled(self, values: pd.Series) -> np.ndarray:
        with np.errstate(over="ignore"):
            numbers = _finite(_finite(values).astype(np.float32)).astype(np.float64)
        return np.sign(numbers) * np.log1p(np.abs(numbers)) if self.scaling == "log" else numbers


def _finite(values: pd.Series | np.ndarray) -> np.ndarray:
    """Finite numbers, and NaN for all other values."""
    if isinstance(values, pd.Series):
        values = pd.to_numeric(plain_column(values), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)
