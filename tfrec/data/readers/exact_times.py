"""Detect times that lost digits as floats: integers above 2**53 in a column with gaps."""

from __future__ import annotations

import pandas as pd

from tfrec.data.tables.calendar_times import EXACT


def has_lost_digits(column: pd.Series) -> bool:
    """Whether a text column was read as floats so large that they were rounded.

    Example:
        >>> has_lost_digits(pd.Series([1.6e18, None])), has_lost_digits(pd.Series([1.6e9, None]))
        (True, False)
    """
    return bool(pd.api.types.is_float_dtype(column) and column.abs().max() >= EXACT)
