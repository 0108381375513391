"""Which columns hold dates, in a type of their own and not as texts."""

import pandas as pd

_DATES = ("date", "datetime", "datetime64", "time", "timedelta", "timedelta64", "period")


def holds_dates(values: pd.Series) -> bool:
    """Whether the cells that have a value are dates, times or spans of time.

    Example:
        >>> holds_dates(pd.Series(pd.to_datetime(["2020-01-01"]))), holds_dates(pd.Series(["2020-01-01"]))
        (True, False)
    """
    return pd.api.types.infer_dtype(values, skipna=True) in _DATES
