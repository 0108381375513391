"""What the numbers of a recipe may be: what cannot train is refused before any data is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tfrec.errors import InputError

_POSITIVE = ("a number above 0", lambda value: value > 0)
_NOT_NEGATIVE = ("a number, 0 or above", lambda value: value >= 0)
_SHARE = ("a number of at least 0 and below 1", lambda value: 0 <= value < 1)

# What keras.optimizers would take as it comes, and train to nothing or to NaN.
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


def check(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `InputError` where a number is not finite, or one of the optimizer or a dropout is out of range.

    Args:
        tables: "model", "loss", "optimizer" and the like -> their entries.
    """
    for table, entries in tables.items():
        for name, value in entries.items():
            rule = _OPTIMIZER.get(name) if table == "optimizer" else _SHARE if "dropout" in name else None
            if rule and not (_is_number(value) and math.isfinite(value) and rule[1](value)):
                raise InputError(f"The recipe's {table}.{name} must be {rule[0]}, got {value!r}.")
            for one in value if isinstance(value, list) else [value]:
                if _is_number(one) and not math.isfinite(one):
                    raise InputError(f"The recipe's {table}.{name} must be finite, got {value!r}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
