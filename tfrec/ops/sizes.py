"""Argument checks that layers, losses and models share: sizes, heads and lengths."""

import numbers
import operator
from typing import Any

import numpy as np


def check_size(name: str, value: Any, least: int = 1, optional: bool = False) -> int | None:
    """Check a size and convert it to a Python integer, which JSON can hold.

    Args:
        name: name of the argument, for the error.
        value: a Python or NumPy integer; booleans and floats such as 2.0 are rejected.
        least: the smallest valid value.
        optional: whether None is valid.

    Raises:
        ValueError: if the value is not such an integer.

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
        hint = " Fit the spec with users: FeatureSpec.fit(train, users=True)." * (name == "num_users" and value is None)
        raise ValueError(f"{name} must be {wanted}{' or None' * optional}, got {value!r}.{hint}")
    return size


def check_sizes(**sizes: Any) -> list[int]:
    """Check several positive integers, given by name, and return them in that order.

    Raises:
        ValueError: if one of them is not a positive integer.

    Example:
        >>> check_sizes(num_items=100, hidden_dim=16)
        [100, 16]
    """
    return [check_size(name, size) for name, size in sizes.items()]


def check_heads(num_heads: int, width: int, name: str = "width") -> None:
    """Raise `ValueError` if the number of heads does not divide the width.

    Args:
        num_heads: H, a positive integer.
        width: D.
        name: name of the width argument, for the error.

    Example:
        >>> check_heads(3, 8, "hidden_dim")
        Traceback (most recent call last):
        ValueError: num_heads must divide hidden_dim: got num_heads=3, hidden_dim=8.
    """
    if width % num_heads:
        raise ValueError(f"num_heads must divide {name}: got num_heads={num_heads}, {name}={width}.")


def check_length(length: int | None, max_length: int, further: int = 0) -> None:
    """Raise `ValueError` if a sequence is longer than `max_length`.

    Args:
        length: L; None if it is only known when the graph runs.
        max_length: the longest history.
        further: positions allowed in addition, such as one for a mask token.

    Example:
        >>> check_length(9, 8)
        Traceback (most recent call last):
        ValueError: The sequence has 9 positions, but the model was built for max_length=8. Pass only the newest 8 \
items, or build the model with a larger max_length.
    """
    if length is not None and length > max_length + further:
        raise ValueError(
            f"The sequence has {length} positions, but the model was built for max_length={max_length}. Pass only "
            f"the newest {max_length} items, or build the model with a larger max_length."
        )


def check_weights(**weights: Any) -> None:
    """Raise `ValueError` if a loss weight is negative, infinite or not a number.

    Example:
        >>> check_weights(embedding_l2=-1e-4)
        Traceback (most recent call last):
        ValueError: embedding_l2 is a loss weight: expected a finite number of at least 0, got -0.0001.
    """
    for name, weight in weights.items():
        if not isinstance(weight, numbers.Real) or isinstance(weight, bool) or not 0 <= weight < float("inf"):
            raise ValueError(f"{name} is a loss weight: expected a finite number of at least 0, got {weight!r}.")


def check_pairs(pairs: Any) -> np.ndarray:
    """Check pairs of a user id and an item id, (N, 2) integers.

    Raises:
        ValueError: if they have another form.

    Example:
        >>> check_pairs([[2, 5], [3, 5]]).shape
        (2, 2)
    """
    found = np.asarray(pairs)
    if found.ndim != 2 or found.shape[1] != 2 or found.dtype.kind not in "iu":
        raise ValueError(
            "Expected the pairs of tfrec.data.known_pairs(train, spec), (N, 2) integers; got "
            f"{type(pairs).__name__} of shape {found.shape}."
        )
    return found
