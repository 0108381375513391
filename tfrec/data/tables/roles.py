"""Check the column names that a caller assigns to roles such as user and item."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from tfrec.errors import InputError


def check_roles(roles: Mapping[str, Any]) -> None:
    """Raise `InputError` if a role is not the name of one column, or one column has two roles.

    Args:
        roles: role -> name of its column, or None.

    Example:
        >>> check_roles({"user": "u", "item": "u"})
        Traceback (most recent call last):
        ...
        tfrec.errors.InputError: The column 'u' is named as both user and item: name two different columns.
    """
    by_name: dict[Hashable, str] = {}
    for role, name in roles.items():
        if name is None:
            continue
        if not isinstance(name, Hashable):
            raise InputError(f"The {role} must be the name of one column, got {name!r}.")
        if name in by_name:
            raise InputError(
                f"The column '{name}' is named as both {by_name[name]} and {role}: name two different columns."
            )
        by_name[name] = role


def context_names(context: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Names of context columns as a tuple; raises `InputError` for a single string, and for a repeated name."""
    if isinstance(context, str):
        raise InputError(f"context must be a list of column names, got the string {context!r}: pass [{context!r}].")
    names = tuple(context)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"context names the column '{twice}' twice: name it once.")
    return names
