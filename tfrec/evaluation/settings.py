"""Checks of the settings of baselines and protocols."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

from tfrec.errors import InputError
from tfrec.ops.sizes import check_size


def check_whole(least: int = 1, **values: Any) -> list[int]:
    """Integers of at least `least`, in the given order; raises `InputError` if a value is not."""
    try:
        return [check_size(name, value, least) for name, value in values.items()]
    except ValueError as error:
        raise InputError(str(error)) from None


def check_positive(**values: Any) -> None:
    """Raise `InputError` if a setting is not a finite number above 0."""
    _check_numbers(values, lambda value: 0 < value < float("inf"), "above 0")


def check_not_negative(**values: Any) -> None:
    """Raise `InputError` if a setting is not a finite number of at least 0."""
    _check_numbers(values, lambda value: 0 <= value < float("inf"), "of at least 0")


def _check_numbers(values: dict[str, Any], fits: Callable[[Any], bool], range_: str) -> None:
    for name, value in values.items():
        if not isinstance(value, numbers.Real) or isinstance(value, bool) or not fits(value):
            raise InputError(f"{name} must be a finite number {range_}, got {value!r}.")
