"""Parse times of any format to numbers."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from tfrec.data.tables.calendar_times import EXACT, NO_TIME, is_missing, seconds, typed_times
from tfrec.data.tables.compact_hours import FORMAT, is_compact_hours
from tfrec.data.tables.plain_columns import plain_column
from tfrec.data.tables.time_units import check_one_unit, per_second
from tfrec.data.tables.written_dates import parse_dates, read_dates
from tfrec.errors import InputError

# Calendar dates written as integers, with their formats.
_WRITTEN = (
    ("YYYYMMDD", "%Y%m%d", 19_000_101, 21_001_231),
    ("YYYYMMDDHHMMSS", "%Y%m%d%H%M%S", 19_000_101e6, 21_010_101e6),
)


def parse_times(column: pd.Series, date_format: str | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a column of times.

    Numbers are not changed. Dates, and strings with dates, become seconds since 1970 (in UTC if they have no time zone;
    see `tfrec.data.tables.written_dates` for the formats), durations become seconds, and periods their start. If all
    numbers look like calendar dates of 1900 to 2100, such as 20170131 or 20170131235959, they are read as dates: as
    seconds they would all lie in 1970, and as milliseconds after the year 2500. Hours such as
    14102100, for 2014-10-21 00:00, are dates in a column called "hour", as in Avazu's data.

    Args:
        column: N numbers, dates, durations, periods, or strings of numbers or dates.
        date_format: format of all values, as for `strptime`; None detects it.

    Returns:
        (N,) float64, NaN for unreadable values; or, for integers too large for floats, (N,) int64 with `NO_TIME` for
        unreadable values. And notes for the report: how numbers or durations were read.

    Raises:
        InputError: if no time can be read, or the column mixes numbers with dates, or units such as seconds and
            microseconds, so that its rows have no order.

    Example:
        >>> parse_times(pd.Series(["1970-01-02", "soon"]))[0].tolist()
        [86400.0, nan]
        >>> times, notes = parse_times(pd.Series([19700102, 19700103], name="day"))
        >>> times.tolist(), notes
        ([86400.0, 172800.0], ("the whole numbers in 'day' are read as dates, YYYYMMDD",))
        >>> parse_times(pd.Series([1_600_000_000_000_000_100]))[0].tolist()
        [1600000000000000100]
    """
    column = plain_column(column)
    if date_format is not None and not pd.api.types.is_datetime64_any_dtype(column):
        return seconds(parse_dates(column, date_format).rename(column.name))
    if is_compact_hours(str(column.name), column):
        times, notes = seconds(parse_dates(column, FORMAT).rename(column.name))
        return times, (*notes, f"the whole numbers in '{column.name}' are read as hours, YYMMDDHH")
    typed = typed_times(column)
    if typed is not None:
        return typed
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    rest = column[np.isnan(numbers) & column.notna().to_numpy()]
    if len(rest):
        read, how_read = read_dates(rest, str(column.name))
        dates, notes = seconds(read.rename(column.name))
        found = ~is_missing(dates)
        if not found.any() and not np.isfinite(numbers).any():
            if rest.astype(str).str.fullmatch(r"\s*\d{1,2}:\d{2}.*").all():
                raise InputError(
                    f"The time column '{column.name}' holds times of day without a date, for instance "
                    f"'{rest.iloc[0]}': name a column that holds dates (time=, --time), or join the two in one column."
                )
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
            times = np.full(len(column), np.nan if dates.dtype.kind == "f" else NO_TIME, dates.dtype)
            times[column.notna().to_numpy()] = dates
            return times, (*how_read, *notes)
    is_there = np.isfinite(numbers)
    written = {form: _written_dates(numbers, *of_form) for form, *of_form in _WRITTEN}
    for form, dates in written.items():
        if is_there.any() and np.isfinite(dates[is_there]).all():
            return dates, (f"the whole numbers in '{column.name}' are read as dates, {form}",)
    check_one_unit(
        numbers[is_there], str(column.name), {form: np.isfinite(dates[is_there]) for form, dates in written.items()}
    )
    return _exact(column, numbers, is_there)


def unix_seconds(times: np.ndarray) -> np.ndarray:
    """The times of a table as models read them: integer seconds.

    Numbers of the size of milli-, micro- or nanoseconds since 1970 are converted; all others count as seconds.

    Args:
        times: (N,) float64 or int64, from `parse_times`.

    Returns:
        (N,) int64.

    Example:
        >>> unix_seconds(np.array([1.5e9, 1.5e9 + 0.7])).tolist(), unix_seconds(np.array([1.5e12])).tolist()
        ([1500000000, 1500000000], [1500000000])
    """
    return np.floor_divide(times, per_second(times)).astype(np.int64)


def _written_dates(numbers: np.ndarray, pattern: str, first: float, last: float) -> np.ndarray:
    """Seconds since 1970, NaN for numbers that are not dates of this format."""
    result = np.full(len(numbers), np.nan)
    with np.errstate(invalid="ignore"):
        could_be = (numbers >= first) & (numbers <= last) & (numbers == np.floor(numbers))
    if could_be.any():
        known, place = np.unique(numbers[could_be], return_inverse=True)
        texts = pd.Series(known.astype(np.int64)).astype(str)
        result[could_be] = seconds(pd.to_datetime(texts, format=pattern, errors="coerce"))[0][place]
    return result


def _exact(column: pd.Series, numbers: np.ndarray, is_there: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The numbers; as int64 if they are integers too large for floats to keep their order."""
    largest = np.abs(numbers[is_there]).max(initial=0)
    if largest < EXACT:
        return numbers, ()
    whole = _whole_numbers(column[is_there])
    if whole is None:
        apart = f"{np.spacing(largest):,.0f}"
        return numbers, (
            f"'{column.name}' holds numbers above 2**53 that are not all 64-bit integers: times less than "
            f"{apart} apart count as equal",
        )
    times = np.full(len(column), NO_TIME, np.int64)
    times[is_there] = whole
    return times, ()


def _whole_numbers(column: pd.Series) -> np.ndarray | None:
    """Numbers, or texts of numbers, as int64; None if one of them is not an integer or too large."""
    try:
        if pd.api.types.is_integer_dtype(column):
            if column.max() > np.iinfo(np.int64).max:
                return None
            return column.to_numpy(np.int64)
        if pd.api.types.is_float_dtype(column):
            return None
        return np.array([_whole(cell) for cell in column], np.int64)
    except (ValueError, OverflowError):
        return None


def _whole(cell: object) -> int:
    if isinstance(cell, int | np.integer):
        return int(cell)
    if isinstance(cell, str):
        return int(re.sub(r"\.0*$", "", cell.strip()))
    raise ValueError(f"{cell!r} is not a whole number")
