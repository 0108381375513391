"""The check of what weighs in the loss beside the labels."""

import numbers
from typing import Any


def check_weights(**weights: Any) -> None:
    """Raise `ValueError` where a weight of a part of the loss is no finite number of at least 0.

    Example:
        >>> check_weights(embedding_l2=-1e-4)
        Traceback (most recent call last):
        ValueError: embedding_l2 is the weight of a part of the loss, a number of at least 0: got -0.0001.
    """
    for name, weight in weights.items():
        if not isinstance(weight, numbers.Real) or isinstance(weight, bool) or not 0 <= weight < float("inf"):
            raise ValueError(f"{name} is the weight of a part of the loss, a number of at least 0: got {weight!r}.")
