"""Time stamps of any form as seconds since 1970."""

import numpy as np
import pandas as pd

from tfrec.data.written_dates import parse_dates, read_dates
from tfrec.errors import InputError

# Sizes that tell Unix seconds (1973 to 2286) from milliseconds of the same years.
_SECONDS = (1e8, 1e10)
_MILLISECONDS = (1e11, 1e13)
# From which size on a number counts in finer units, and how many of these make a second.
_FINER = ((1e17, 10**9), (1e14, 10**6), (_MILLISECONDS[0], 10**3))


# Calendar dates that are written as whole numbers, and how they are.
_WRITTEN = (
    ("YYYYMMDD", "%Y%m%d", 19_000_101, 21_001_231),
    ("YYYYMMDDHHMMSS", "%Y%m%d%H%M%S", 19_000_101e6, 21_010_101e6),
)


def parse_times(column: pd.Series, date_format: str | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a column of times.

    Numbers stay as they are; dates, and strings that hold dates, become seconds since 1970 (UTC where no zone is
    given); see `tfrec.data.written_dates` for the forms. Numbers that are all written as calendar dates of 1900 to
    2100, 20170131 or 20170131235959, are dates too: as seconds they would all lie in 1970, and as milliseconds after
    the year 2500.

    Args:
        column: N numbers, dates, or strings of either.
        date_format: how all of them are written, by the codes of `strptime`; None recognises it.

    Returns:
        (N,) float64, NaN where nothing can be read, and a sentence for the report where numbers were read as dates.

    Raises:
        InputError: where no time can be read, or the column mixes numbers with dates, or seconds with milliseconds:
            there is then no order.

    Example:
        >>> parse_times(pd.Series(["1970-01-02", "soon"]))[0].tolist()
        [86400.0, nan]
        >>> times, notes = parse_times(pd.Series([19700102, 19700103], name="day"))
        >>> times.tolist(), notes
        ([86400.0, 172800.0], ("the whole numbers in 'day' are read as dates, YYYYMMDD",))
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return _seconds(column), ()
    if date_format is not None:
        return _seconds(parse_dates(column, date_format)), ()
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    rest = column[np.isnan(numbers) & column.notna().to_numpy()]
    if len(rest):
        read, notes = read_dates(rest, str(column.name))
        dates = _seconds(read)
        found = np.isfinite(dates)
        if not found.any() and not np.isfinite(numbers).any():
            raise InputError(
                f"No time in the column '{column.name}' can be read, for instance '{rest.iloc[0]}'. Give numbers, or "
                "dates in the ISO 8601 form 2020-12-31T23:59:59, or name their form with date_format= (--date-format)."
            )
        if found.any() and np.isfinite(numbers).any():
            raise InputError(
                f"The time column '{column.name}' mixes numbers ({int(np.isfinite(numbers).sum())} rows) with dates "
                f"({int(found.sum())} rows, for instance '{rest[found].iloc[0]}'). Give it in one form: all numbers or "
                "all ISO 8601 dates."
            )
        if found.any():
            numbers[np.flatnonzero(np.isnan(numbers) & column.notna().to_numpy())] = dates
            return numbers, notes
    for form, pattern, first, last in _WRITTEN:
        dates = _written_dates(numbers, pattern, first, last)
        if dates is not None:
            return dates, (f"the whole numbers in '{column.name}' are read as dates, {form}",)
    known = np.abs(numbers[np.isfinite(numbers)])
    in_seconds = (known >= _SECONDS[0]) & (known < _SECONDS[1])
    in_milliseconds = (known >= _MILLISECONDS[0]) & (known < _MILLISECONDS[1])
    if in_seconds.any() and in_milliseconds.any():
        raise InputError(
            f"The time column '{column.name}' mixes seconds ({int(in_seconds.sum())} rows) with milliseconds "
            f"({int(in_milliseconds.sum())} rows). Convert it to one unit."
        )
    return numbers, ()


def unix_seconds(times: np.ndarray) -> np.ndarray:
    """The times of a table as what models read: whole seconds.

    Numbers of the size of milli-, micro- or nanoseconds since 1970 are divided; all others are seconds of some clock.

    Args:
        times: (N,) float64, as `parse_times` gives them.

    Returns:
        (N,) int64.

    Example:
        >>> unix_seconds(np.array([1.5e9, 1.5e9 + 0.7])).tolist(), unix_seconds(np.array([1.5e12])).tolist()
        ([1500000000, 1500000000], [1500000000])
    """
    largest = np.abs(times).max(initial=0)
    unit = next((unit for size, unit in _FINER if largest >= size), 1)
    return np.floor(times / unit).astype(np.int64)


def _written_dates(numbers: np.ndarray, pattern: str, first: float, last: float) -> np.ndarray | None:
    """Seconds since 1970, or None where a number is no date of this form."""
    is_there = ~np.isnan(numbers)
    known, place = np.unique(numbers[is_there], return_inverse=True)
    if not len(known) or known[0] < first or known[-1] > last or (known != np.floor(known)).any():
        return None
    texts = pd.Series(known.astype(np.int64)).astype(str)
    dates = _seconds(pd.to_datetime(texts, format=pattern, errors="coerce"))
    if np.isnan(dates).any():
        return None
    result = np.full(len(numbers), np.nan)
    result[is_there] = dates[place]
    return result


def _seconds(dates: pd.Series) -> np.ndarray:
    utc = pd.to_datetime(dates, utc=True)
    microseconds = utc.dt.tz_localize(None).astype("datetime64[us]").to_numpy()
    return np.where(np.isnat(microseconds), np.nan, microseconds.astype(np.int64) / 1e6)
