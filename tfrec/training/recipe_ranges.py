"""Check the ranges of a recipe's numbers, before any data is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tfrec.errors import InputError

_POSITIVE = ("a number above 0", lambda value: value > 0)
_NOT_NEGATIVE = ("a number, 0 or above", lambda value: value >= 0)
_SHARE = ("a number of at least 0 and below 1", lambda value: 0 <= value < 1)

# Values that keras.optimizers would accept, but that prevent learning or give NaN.
_OPTIMIZER: dict[str, tuple[str, Callable[[float], bool]]] = {
    "learning_rate": _POSITIVE,
    "epsilon": _POSITIVE,
    "clipnorm": _POSITIVE,
    "global_clipnorm": _POSITIVE,
    "clipvalue": _POSITIVE,
    "weight_decay": _NOT_NEGATIVE,
    "beta_1": _SHARE,
    "beta_2": _SHARE,
    "rho": _SHARE,
    "momentum": _SHARE,
    "ema_momentum": _SHARE,
}


LARGEST = 2**31 - 1  # the largest size of anything
_MOST_LAYERS = 1_000
_LAYERS = ("num_blocks", "num_layers", "num_cross_layers", "num_experts")
_LONGEST_LIST = 1_000


def check(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `InputError` if a number is not finite, or a setting of the optimizer or a dropout is out of range.

    Args:
        tables: "model", "loss", "optimizer" and so on -> their entries.
    """
    for table, entries in tables.items():
        for name, value in entries.items():
            rule = _OPTIMIZER.get(name) if table == "optimizer" else _SHARE if "dropout" in name else None
            if rule and not (_is_number(value) and math.isfinite(value) and rule[1](value)):
                raise InputError(f"The recipe's {table}.{name} must be {rule[0]}, got {value!r}.")
            if name in _LAYERS and _is_number(value) and value > _MOST_LAYERS:
                raise InputError(f"The recipe's {table}.{name} must be at most {_MOST_LAYERS:,}, got {brief(value)}.")
            _check_numbers(value, f"{table}.{name}")


def _check_numbers(value: Any, name: str) -> None:
    """Raise `InputError` if a number, at any depth, is not finite or too large for a size or seed."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            _check_numbers(one, f"{name}.{key}")
    elif isinstance(value, list):
        if len(value) > _LONGEST_LIST:
            raise InputError(f"The recipe's {name} has {len(value):,} entries: expected at most {_LONGEST_LIST:,}.")
        for one in value:
            _check_numbers(one, name)
    elif isinstance(value, int) and abs(value) > (2**32 - 1 if name.endswith("seed") else LARGEST):
        raise InputError(f"The recipe's {name} must be at most {LARGEST:,}, got {brief(value)}.")
    elif _is_number(value) and not math.isfinite(value):
        raise InputError(f"The recipe's {name} must be finite, got {value!r}.")


def brief(value: Any) -> str:
    """A value for an error message, shortened to one line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "a number of thousands of digits"
    return text if len(text) <= 200 else f"{text[:200]}..."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
