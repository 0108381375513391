"""Recognise columns of dates by their dtype."""

import pandas as pd

_DATES = ("date", "datetime", "datetime64", "time", "timedelta", "timedelta64", "period")


def holds_dates(values: pd.Series) -> bool:
    """Whether the non-missing cells are dates, times or durations, and not texts.

    Example:
        >>> holds_dates(pd.Series(pd.to_datetime(["2020-01-01"]))), holds_dates(pd.Series(["2020-01-01"]))
        (True, False)
    """
    return pd.api.types.infer_dtype(values, skipna=True) in _DATES
