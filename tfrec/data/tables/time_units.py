"""Detect the unit of Unix times (seconds to nanoseconds) by their size."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True)
class _Unit:
    """A unit; numbers between `first` and `after` are dates of 1973 to 2286 in this unit."""

    name: str
    first: float
    after: float
    per_second: int


_UNITS = (
    _Unit("seconds", 1e8, 1e10, 1),
    _Unit("milliseconds", 1e11, 1e13, 10**3),
    _Unit("microseconds", 1e14, 1e16, 10**6),
    _Unit("nanoseconds", 1e17, 1e19, 10**9),
)
# If the earliest time of a table is this many times the latest of another, their units differ.
_APART = 50


def check_one_unit(numbers: np.ndarray, name: str, written: dict[str, np.ndarray] | None = None) -> None:
    """Raise `InputError` if a column mixes units, because its rows then have no order.

    Small counters belong to no unit. A column of one unit that starts near 1970 has numbers of the sizes of several
    units. It differs from a mix by values that lie between two units, which a mix does not have.

    Args:
        numbers: (N,) finite floats.
        name: name of the column.
        written: which numbers are calendar dates written as integers, (N,) bool for each format.

    Example:
        >>> check_one_unit(np.array([1.6e9, 1.7e9, 3.0]), "at")
        >>> check_one_unit(np.array([1.6e9, 1.7e15, 1.7e9]), "at")
        Traceback (most recent call last):
        ...
        tfrec.errors.InputError: The time column 'at' mixes seconds (2 rows) with microseconds (1 row). ...
    """
    sizes = np.abs(numbers)
    of_unit = {unit.name: (sizes >= unit.first) & (sizes < unit.after) for unit in _UNITS}
    found = {unit.name: int(of_unit[unit.name].sum()) for unit in _UNITS if of_unit[unit.name].any()}
    if len(found) > 1:
        largest = next(unit for unit in reversed(_UNITS) if unit.name in found)
        between = int(((sizes >= largest.first / 10) & (sizes < largest.first)).sum())
        if between < sum(found.values()) - found[largest.name]:
            _refuse(name, found)
    dates = {form: is_date for form, is_date in (written or {}).items() if is_date.any()}
    forms = {form: int(is_date.sum()) for form, is_date in dates.items()}
    # Integers such as 20170131 are also seconds of August 1970, so in a column of seconds they stay numbers.
    units = {unit: rows for unit, rows in found.items() if unit != "seconds" or max(map(len, forms), default=0) > 8}
    explained = np.logical_or.reduce([*dates.values(), *of_unit.values()])
    if forms and len(forms | units) > 1 and explained.all():
        _refuse(name, {f"dates written {form}": rows for form, rows in forms.items()} | units)


def per_second(times: np.ndarray) -> int:
    """The number of time units per second: 1, 1000, 10**6 or 10**9; 1 for small counters.

    Example:
        >>> per_second(np.array([1.6e9])), per_second(np.array([1.6e18, 0.0]))
        (1, 1000000000)
    """
    return _unit_of(times).per_second


def check_same_unit(known: np.ndarray, requested: np.ndarray) -> None:
    """Raise `InputError` if the times of two tables have different units and cannot be compared."""
    if not len(known) or not len(requested):
        return
    low, high = sorted((known, requested), key=lambda times: np.abs(times).max())
    if np.abs(low).max() >= _UNITS[0].first and high.min() > _APART * np.abs(low).max():
        first, second = (_unit_of(times).name for times in (known, requested))
        raise InputError(
            f"The known rows have times in {first}, but the rows to predict in {second}. Convert them to one unit."
        )


def _unit_of(times: np.ndarray) -> _Unit:
    largest = np.abs(np.asarray(times, np.float64)).max(initial=0)
    return next((unit for unit in reversed(_UNITS) if largest >= unit.first), _UNITS[0])


def _refuse(name: str, counts: dict[str, int]) -> None:
    rows = [f"{what} ({count:,} row{'s' if count > 1 else ''})" for what, count in counts.items()]
    raise InputError(f"The time column '{name}' mixes {' with '.join(rows)}. Convert it to one unit.")
