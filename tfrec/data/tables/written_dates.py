"""Parse written dates: 11/28/2011 12:38, 28.11.2011, Tue Apr 03 18:00:09 +0000 2012."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from tfrec.errors import InputError

_CLOCK = (
    r"(?:[ ,T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d+)?))?"
    r"\s*(?P<half>[AaPp])?\.?(?:[Mm]\.?)?)?"
)
_NUMERIC = re.compile(
    r"^(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second_part>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})" + _CLOCK + "$"
)
_ZONE = re.compile(r"\s*\b(?:UTC|GMT|Z)$")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_NAMED = (
    "%a %b %d %H:%M:%S %z %Y",
    "%a %b %d %H:%M:%S %Y",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S",
    *(
        f"{day}{clock}"
        for day in (
            "%d %b %Y",
            "%d %B %Y",
            "%b %d, %Y",
            "%B %d, %Y",
            "%b %d %Y",
            "%B %d %Y",
            "%m %d, %Y",
            "%d-%b-%Y",
            "%d-%B-%Y",
            "%d-%b-%y",
            "%d/%b/%Y",
        )
        for clock in _CLOCKS
    ),
)


def read_dates(texts: pd.Series, name: str) -> tuple[pd.Series, tuple[str, ...]]:
    """Read dates of any common format.

    Supported are ISO 8601; days, months and years as numbers (11/28/2011 12:38, 28.11.2011, 11-28-11 2:05 PM) if at
    least one row shows which number is the day; and formats with the name of the month, or with a weekday and a comma.
    Dates without a time zone are read as UTC.

    Args:
        texts: strings without missing values.
        name: name of the column, for errors.

    Returns:
        the dates as a Series of UTC datetimes, NaT for unreadable values; and a note for the report if the order of
        days and months was inferred from the rows.

    Raises:
        InputError: if days and months cannot be distinguished, or rows contradict each other in their order.

    Example:
        >>> dates, notes = read_dates(pd.Series(["11/28/2011 12:38", "1/2/2012 8:26"]), "when")
        >>> dates.dt.strftime("%Y-%m-%d %H:%M").tolist()
        ['2011-11-28 12:38', '2012-01-02 08:26']
        >>> notes
        ("the dates in 'when' are read month first: '11/28/2011 12:38' is 2011-11-28",)
    """
    codes, distinct = pd.factorize(texts.astype(str))
    distinct = pd.Series(distinct, dtype=object).str.strip().str.replace(_ZONE, "", regex=True)
    dates = pd.to_datetime(distinct, errors="coerce", utc=True, format="ISO8601")
    notes: tuple[str, ...] = ()
    rest = distinct[dates.isna()]
    if len(rest):
        numeric, notes = _numeric(rest, name)
        dates = dates.fillna(numeric)
        rest = distinct[dates.isna()]
    if len(rest):
        dates = dates.fillna(_named(rest))
    result = dates.iloc[codes]
    result.index = texts.index
    return result, notes


def parse_dates(column: pd.Series, date_format: str) -> pd.Series:
    """Read dates with a `strptime` format, such as "%d/%m/%Y %H:%M"; NaT for values that do not match it.

    Raises:
        InputError: if the format is invalid, or no value matches it.
    """
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")  # 20110131.0, from a column with a gap
    texts = column.astype(str).str.strip()
    try:
        dates = pd.to_datetime(texts, format=date_format, errors="coerce", utc=True)
    except (ValueError, re.error) as error:
        raise InputError(
            f"The date format {date_format!r} is invalid ({error}): expected the codes of strptime, such as "
            "'%d/%m/%Y %H:%M'."
        ) from None
    if len(dates) and dates.isna().all():
        raise InputError(
            f"No time in the column '{column.name}' fits the date format {date_format!r}, for instance "
            f"'{texts.iloc[0]}'."
        )
    return dates


def _numeric(texts: pd.Series, name: str) -> tuple[pd.Series, tuple[str, ...]]:
    """Dates of three numbers with the year last, and a note on the order in which they were read."""
    parts = texts.str.extract(_NUMERIC)
    parts = parts[parts["first"].notna()]
    none = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us, UTC]")
    if not len(parts):
        return none, ()
    first, second = parts["first"].astype(int), parts["second_part"].astype(int)
    day_first = _is_day_first(texts, parts, first, second, name)
    day, month = (first, second) if day_first else (second, first)
    year = parts["year"].astype(int)
    year = year.where(parts["year"].str.len() == 4, year + np.where(year < 69, 2000, 1900))  # the pivot of POSIX
    hour = parts["hour"].fillna("0").astype(int)
    half = parts["half"].str.lower()
    hour = hour.mask(half.eq("a") & hour.eq(12), 0).mask(half.eq("p") & hour.lt(12), hour + 12)
    clock = {"hour": hour, "minute": parts["minute"].fillna("0").astype(int)}
    days = pd.to_datetime(pd.DataFrame({"year": year, "month": month, "day": day, **clock}), errors="coerce", utc=True)
    seconds = pd.to_timedelta(parts["second"].fillna("0").astype(float), unit="s")
    found = (days + seconds).astype(none.dtype)
    at = (first.gt(12) | second.gt(12)).idxmax()
    order = "day" if day_first else "month"
    note = f"the dates in '{name}' are read {order} first: '{texts[at]}' is {found[at]:%Y-%m-%d}"
    return found.reindex(texts.index), (note,)


def _is_day_first(texts: pd.Series, parts: pd.DataFrame, first: pd.Series, second: pd.Series, name: str) -> bool:
    """Whether the first number is the day: by a number above 12, or by dots, which follow days."""
    if (first > 12).any() and (second > 12).any():
        one, other = texts[(first > 12).idxmax()], texts[(second > 12).idxmax()]
        raise InputError(
            f"The time column '{name}' holds dates with the day first ('{one}') and with the month first ('{other}'). "
            "Convert it to one form."
        )
    if (second > 12).any() or first.eq(second).all():
        return False
    short = parts["year"].str.len() == 2  # 19-11-28 may start with the year
    if (first > 12).any() and not (short.any() and parts["year"].astype(int).le(31).all()):
        return True
    if parts["mark"].eq(".").all() and not short.any():
        return True
    at = first.ne(second).idxmax()
    raise InputError(
        f"The time column '{name}' holds dates such as '{texts[at]}', and no row shows which number is the day and "
        "which the month. Set the format with date_format= (on the command line --date-format): "
        f"{' or '.join(map(repr, _forms(parts.loc[at])))}."
    )


def _forms(parts: pd.Series) -> list[str]:
    """The possible `strptime` formats of a date."""
    clock = "" if pd.isna(parts["hour"]) else " %H:%M" if pd.isna(parts["second"]) else " %H:%M:%S"
    if isinstance(parts["half"], str):
        clock = clock.replace("%H", "%I") + " %p"
    orders = ("%d", "%m", "%Y"), ("%m", "%d", "%Y")
    if len(parts["year"]) == 2:
        orders = ("%d", "%m", "%y"), ("%y", "%m", "%d") if int(parts["first"]) > 12 else ("%m", "%d", "%y")
    return [parts["mark"].join(order) + clock for order in orders]


def _named(texts: pd.Series) -> pd.Series:
    """Dates with the name of the month, or as in Amazon's reviews, by the format that matches most of them."""
    best = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us, UTC]")
    if not texts.str.contains(r"\d").any():
        return best
    sample = texts.iloc[:100]
    for form in _NAMED:
        if not pd.to_datetime(sample, format=form, errors="coerce", utc=True).notna().any():
            continue
        dates = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
        if dates.notna().sum() > best.notna().sum():
            best = dates.astype(best.dtype)
    return best
