"""Convert labels and ratings to float32."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tfrec.data.tables.dates import holds_dates
from tfrec.data.tables.plain_columns import plain_column
from tfrec.errors import InputError


def label_numbers(column: pd.Series) -> np.ndarray:
    """A column of labels as numbers; True and False are 1 and 0, also as texts.

    Args:
        column: N numbers, or texts of numbers.

    Returns:
        (N,) float32, NaN for values that are not numbers or outside the range of float32.

    Raises:
        InputError: if the column holds dates, which pandas would convert to a count.

    Example:
        >>> label_numbers(pd.Series(["4.5", "true", "good", "1e39"])).tolist()
        [4.5, 1.0, nan, nan]
    """
    column = plain_column(column)
    if holds_dates(column):
        raise InputError(
            f"The column '{column.name}' holds dates, such as {column.dropna().iloc[0]}: expected labels or ratings, "
            "which are numbers. Name another column, or convert it to numbers."
        )
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan, copy=True)
    words = np.flatnonzero(np.isnan(numbers) & column.notna().to_numpy())
    truth = {"true": 1.0, "false": 0.0}
    numbers[words] = [truth.get(str(cell).strip().lower(), np.nan) for cell in column.iloc[words]]
    with np.errstate(over="ignore"):
        small = numbers.astype(np.float32)
    return np.where(np.isfinite(small), small, np.float32(np.nan))
