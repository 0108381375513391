"""Convert dates, durations and periods to seconds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tfrec.errors import InputError

# The missing value of integer times, as NaN is for floats: the value of NumPy's NaT.
NO_TIME = np.iinfo(np.int64).min
# Above this, floats cannot represent every integer.
EXACT = 2.0**53

_DURATIONS = ("timedelta", "timedelta64")
_NOT_TIMES = {
    "boolean": "True and False",
    "complex": "complex numbers",
    "interval": "intervals",
    "time": "times of day without a date",
}


def is_missing(times: np.ndarray) -> np.ndarray:
    """Which times are missing or unreadable, (N,) bool."""
    return times == NO_TIME if times.dtype.kind == "i" else np.isnan(times)


def typed_times(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """The times of a column with a time dtype; None for numbers, texts and mixtures.

    Dates become seconds since 1970, in UTC if they have no time zone; durations become seconds; a period becomes its
    start.

    Returns:
        as `tfrec.data.tables.timestamps.parse_times`.

    Raises:
        InputError: if the dtype is not one of times.

    Example:
        >>> typed_times(pd.Series(pd.to_timedelta([90, 30], unit="min"), name="after"))
        (array([5400., 1800.]), ("the durations in 'after' are read as seconds",))
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return seconds(column)
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in _NOT_TIMES:
        raise InputError(
            f"The time column '{column.name}' holds {_NOT_TIMES[kind]}: expected numbers, or dates in the ISO 8601 "
            "form 2020-12-31T23:59:59."
        )
    if kind in _DURATIONS:
        times, notes = _elapsed(pd.to_timedelta(column), column.name)
        return times, (f"the durations in '{column.name}' are read as seconds", *notes)
    if kind == "period":
        starts = pd.Series([cell if pd.isna(cell) else cell.start_time for cell in column], name=column.name)
        times, notes = seconds(pd.to_datetime(starts))
        return times, (f"the periods in '{column.name}' are read as their start times", *notes)
    return None


def seconds(dates: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Dates as seconds since 1970, and notes for the report.

    If dates are too close for floats, they become integer nanoseconds since 1970, with a note.

    Example:
        >>> times, notes = seconds(pd.Series(np.array([1_600_000_000_000_000_100], "datetime64[ns]"), name="at"))
        >>> times.tolist(), notes
        ([1600000000.0], ())
    """
    utc = pd.to_datetime(dates, utc=True).dt.tz_localize(None)
    return _elapsed(utc, dates.name)


def _elapsed(values: pd.Series, name: object) -> tuple[np.ndarray, tuple[str, ...]]:
    """As `seconds`, for datetime64 or timedelta64 without time zone."""
    array = values.to_numpy()
    kind = array.dtype.kind
    is_there = ~np.isnat(array)
    micros = array.astype(f"{kind}8[us]").astype(np.int64)
    times = np.where(is_there, micros / 1e6, np.nan)
    if np.datetime_data(array.dtype)[0] != "ns":
        return times, ()
    nanos = array.astype(np.int64)
    if not (nanos[is_there] % 1000).any():
        return times, ()
    times = np.where(is_there, nanos / 1e9, np.nan)
    distinct = np.unique(nanos[is_there])
    if len(np.unique(distinct / 1e9)) == len(distinct):
        return times, ()
    if np.abs(distinct).max() < 1e17:  # too small to be recognised as nanoseconds later
        return times, (f"some times in '{name}' are less than a microsecond apart and count as equal",)
    note = f"the times in '{name}' are kept in nanoseconds since 1970: some are less than a microsecond apart"
    return np.where(is_there, nanos, NO_TIME), (note,)
