"""Check the type of a table argument."""

from __future__ import annotations

from typing import Any

from tfrec.errors import InputError


def check_kind(value: Any, kinds: tuple[type, ...], what: str) -> None:
    """Raise `InputError` if a table has the wrong type; the error says how to create the right one.

    Args:
        value: the user's argument.
        kinds: the expected classes.
        what: its description, for the error.

    Example:
        >>> from tfrec.data import Interactions
        >>> check_kind([1, 2], (Interactions,), "The training data")
        Traceback (most recent call last):
        ...
        tfrec.errors.InputError: The training data: expected Interactions, got list. Make them with ...
    """
    if isinstance(value, kinds):
        return
    names = [kind.__name__ for kind in kinds]
    hint = f"Make them with {names[0]}.from_pandas or tfrec.data.read."
    if all(hasattr(value, part) for part in ("train", "valid", "test")):
        hint = "Pass one part of the split, such as train or test."
    elif names == ["Holdout"]:
        hint = "Pass the valid or test part of a split, such as table.split(LeaveLastOut()).test."
    raise InputError(f"{what}: expected {' or '.join(names)}, got {type(value).__name__}. {hint}")
