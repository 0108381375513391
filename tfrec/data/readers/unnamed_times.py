"""Tables without a named or well-known time column: raise an error if another column looks like times."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.known_names import WELL_KNOWN, plain_name
from tfrec.data.tables.compact_hours import is_compact_hours
from tfrec.data.tables.dates import holds_dates
from tfrec.data.tables.written_dates import read_dates
from tfrec.errors import InputError

SAMPLE = 1000  # rows to inspect
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_OF_TIME = {"timestamp", "ts", "time", "datetime", "date", "day", "epoch", "unix", "utc", "created", "updated"}
# What numbers of times look like: seconds since 1970 and finer units, and dates such as 20110131.
_RANGES = ((1e8, 1e19), (19_000_101, 21_001_231))
_UNIX = [(8e8 * unit, 4.2e9 * unit) for unit in (1, 1e3, 1e6, 1e9)]


def notes_on_order(found: Columns, names: list[str], sample: pd.DataFrame, path: Path) -> tuple[str, ...]:
    """Notes for the report on the order of rows without times.

    Args:
        found: the columns that are known.
        names: all columns of the table.
        sample: its first rows, with all columns except ids.
        path: its path, for errors.

    Raises:
        InputError: if no time column is named or known, but another column looks like one: the rows of a file are
            rarely in time order.
    """
    parts = {part: [name for name in names if _words(name)[-1:] == [part]] for part in ("year", "month", "day")}
    is_split = all(parts.values()) and not any(plain_name(name) in WELL_KNOWN["time"] for name in names)
    if is_split and not found.in_order and found.time in (None, *parts["month"], *parts["day"]):
        listed = ", ".join(f"'{parts[part][0]}'" for part in parts)
        raise InputError(
            f"{path} has its dates in several columns, {listed}: join them in one column, such as 2012-04-03, and name "
            "it with time= (on the command line --time); or, if the rows are in time order, set time=False "
            "(--no-time)."
        )
    if found.time is not None:
        return ()
    if found.in_order:
        return ("the rows count as being in time order",)
    others = [name for name in names if name not in found.needed]
    times = [name for name in others if name in sample and is_time(name, sample[name].head(SAMPLE))]
    if times:
        values = sample[times[0]].dropna()
        example = f", with values such as '{values.iloc[0]}'" if len(values) else ""
        several = f"columns {', '.join(map(repr, times))} look" if len(times) > 1 else f"column '{times[0]}' looks"
        raise InputError(
            f"{path} has no column with a well-known name for times, but its {several} like one{example}. Name it with "
            "time= (on the command line --time), or, if the rows are in time order, set time=False (--no-time)."
        )
    listed = ", ".join(f"'{name}'" for name in others) or "none"
    return (f"no time column was named or found, so the rows count as being in time order; other columns: {listed}",)


def is_time(name: str, values: pd.Series) -> bool:
    """Whether a column looks like times: dates by their values, numbers by their values and the column name.

    Example:
        >>> is_time("seen", pd.Series(["2020-01-31", "2020-02-01"])), is_time("score", pd.Series([1.5e9]))
        (True, False)
        >>> is_time("loggedTs", pd.Series([1.5e9])), is_time("DAY", pd.Series([1, 711]))
        (True, True)
    """
    known = values.dropna()
    if not len(known):
        return False
    if holds_dates(known) or is_compact_hours(name, known):
        return True
    if pd.api.types.is_numeric_dtype(known):
        if name.lower() == "day":
            return True
        if name.isdigit():  # a table without a header: integers of the size of times since 1995
            whole = bool((known == np.floor(known)).all())
            return whole and any(((low <= known) & (known < high)).all() for low, high in _UNIX)
        words = set(_words(name))
        numbers = known.to_numpy(np.float64)
        return bool(words & _OF_TIME) and any(((low <= numbers) & (numbers <= high)).all() for low, high in _RANGES)
    if not known.map(lambda cell: isinstance(cell, str)).all():
        return False
    if known.str.fullmatch(r"\s*-?\d+\s*").mean() > 0.1:  # digits alone would be read as years
        return False
    try:
        dates, _ = read_dates(known, name)
    except InputError:  # days and months cannot be distinguished
        return True
    return bool(dates.notna().mean() > 0.9)


def _words(name: str) -> list[str]:
    """The words of a name in lower case: ["date", "day"] of date_day and of dateDay."""
    return [word.lower() for word in _WORDS.findall(name)]
