"""Times that pandas reads as floats and that floats cannot hold: whole numbers above 2**53 in a column with a gap."""

from __future__ import annotations

import pandas as pd

from tfrec.data.tables.calendar_times import EXACT


def has_lost_digits(column: pd.Series) -> bool:
    """Whether a column of text was read as floats so large that they are rounded.

    Example:
        >>> has_lost_digits(pd.Series([1.6e18, None])), has_lost_digits(pd.Series([1.6e9, None]))
        (True, False)
    """
    return bool(pd.api.types.is_float_dtype(column) and column.abs().max() >= EXACT)
