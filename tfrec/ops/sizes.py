"""The checks of sizes, heads and lengths that layers, losses and models share: a user's mistake, said by its name."""

import numbers
import operator
from typing import Any


def check_size(name: str, value: Any, least: int = 1, optional: bool = False) -> int | None:
    """A size as a Python integer, which a config can hold as JSON.

    Args:
        name: what the argument is called.
        value: an integer of Python or NumPy; True and 2.0 are none.
        least: the smallest that is allowed.
        optional: whether it may be None, too.

    Raises:
        ValueError: where it is not such an integer.

    Example:
        >>> check_size("num_items", 0)
        Traceback (most recent call last):
        ValueError: num_items must be a positive integer, got 0.
    """
    if optional and value is None:
        return None
    try:
        size = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        size = None
    if size is None or size < least:
        wanted = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise ValueError(f"{name} must be {wanted}{' or None' * optional}, got {value!r}.")
    return size


def check_sizes(**sizes: Any) -> list[int]:
    """Several positive integers by name, in the order in which they are given.

    Raises:
        ValueError: where one is none.

    Example:
        >>> check_sizes(num_items=100, hidden_dim=16)
        [100, 16]
    """
    return [check_size(name, size) for name, size in sizes.items()]


def check_heads(num_heads: int, width: int, name: str = "width") -> None:
    """Raise `ValueError` where the heads do not divide what they share.

    Args:
        num_heads: H, checked already.
        width: D.
        name: what the width is called where the user gives it.

    Example:
        >>> check_heads(3, 8, "hidden_dim")
        Traceback (most recent call last):
        ValueError: num_heads must divide hidden_dim: got num_heads=3, hidden_dim=8.
    """
    if width % num_heads:
        raise ValueError(f"num_heads must divide {name}: got num_heads={num_heads}, {name}={width}.")


def check_length(length: int | None, max_length: int, further: int = 0) -> None:
    """Raise `ValueError` where a sequence is longer than what a layer was made for.

    Args:
        length: L; None where it is known in the graph alone.
        max_length: the longest history.
        further: positions that may stand beside it, such as a mask's.

    Example:
        >>> check_length(9, 8)
        Traceback (most recent call last):
        ValueError: The sequence has 9 positions, but the model was built for max_length=8. Give its newest 8 items, \
or build the model longer.
    """
    if length is not None and length > max_length + further:
        raise ValueError(
            f"The sequence has {length} positions, but the model was built for max_length={max_length}. Give its "
            f"newest {max_length} items, or build the model longer."
        )


def check_weights(**weights: Any) -> None:
    """Raise `ValueError` if the weight of a part of the loss is negative, infinite or not a number.

    Example:
        >>> check_weights(embedding_l2=-1e-4)
        Traceback (most recent call last):
        ValueError: embedding_l2 weighs a part of the loss: expected a finite number of at least 0, got -0.0001.
    """
    for name, weight in weights.items():
        if not isinstance(weight, numbers.Real) or isinstance(weight, bool) or not 0 <= weight < float("inf"):
            raise ValueError(
                f"{name} weighs a part of the loss: expected a finite number of at least 0, got {weight!r}."
            )
