"""Detect ids that a model has no vector for, and ids of another vocabulary."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfrec.errors import InputError
from tfrec.models.batch_origin import attribute_of
from tfrec.ops import RESERVED_IDS

ATTRIBUTE = "tfrec_vocabulary"  # attribute of the datasets that tfrec.data creates
# TensorFlow's errors for a lookup past the end of a table, and for a label past the last class.
_BEYOND = re.compile(
    r"(?:indices\[[\d,]*\] = (-?\d+) is not in \[0, (\d+)\))"
    r"|(?:[Ll]abel value of (-?\d+) which is outside the valid range of \[0, (\d+)\))"
)
_IN_MEMORY = ("ndarray", "EagerTensor", "ArrayImpl")  # concrete arrays of NumPy, TensorFlow and JAX


def vocabulary_of(data: Any) -> Mapping[str, str] | None:
    """The hashes of the vocabulary that batches were encoded with, or None if unknown.

    The datasets of `tfrec.data` carry them. Datasets made from these by `take`, `map`, `shuffle` and so on are traced
    back to them.

    Args:
        data: the data passed to `fit`.
    """
    return attribute_of(data, ATTRIBUTE)


def differing(bound: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names that occur in both and have different hashes.

    Example:
        >>> differing({"item": "a", "user": "b"}, {"item": "a", "user": "c", "hour": "d"})
        ['user']
    """
    return sorted(name for name in bound.keys() & other.keys() if bound[name] != other[name])


def hashes_read_by(input_names: Iterable[str], hashes: Mapping[str, str]) -> dict[str, str]:
    """The hashes of a vocabulary that belong to the inputs of a model.

    Example:
        >>> hashes_read_by(["history", "history_genre"], {"item": "a", "genre": "b", "user": "c"})
        {'item': 'a', 'genre': 'b'}
    """
    found = {}
    for name in input_names:
        own = "item" if name == "history" else name
        own = own if own in hashes else own.removeprefix("history_")
        if own in hashes:
            found[own] = hashes[own]
    return found


def check_ids(model: str, values: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Raise `InputError` if ids are outside the model's tables; tensors of a graph are not checked.

    Args:
        model: name of the model, for the error.
        values: name -> integer ids of any shape.
        sizes: name -> number of ids that the model has vectors for.
    """
    for name in values.keys() & sizes.keys():
        if not in_memory(values[name]):
            continue
        ids = np.asarray(values[name])
        if ids.size and ids.dtype.kind in "iuf":
            lowest, highest = ids.min(), ids.max()
            if lowest < 0 or highest >= sizes[name]:
                raise InputError(_outside(model, name, int(lowest if lowest < 0 else highest), sizes[name]))


def in_memory(value: Any) -> bool:
    """Whether a value is a concrete array, not a tensor of a graph that is being traced.

    Example:
        >>> in_memory(np.zeros(2)), in_memory([0, 0])
        (True, False)
    """
    return type(value).__name__ in _IN_MEMORY


def explained(error: Exception, model: str, sizes: Mapping[str, int]) -> InputError | None:
    """A readable error for a failed lookup of an id outside the model's tables; None for other errors."""
    found = _BEYOND.search(str(error))
    if not found:
        return None
    value, size = (int(part) for part in found.groups() if part is not None)
    names = [name for name, rows in sizes.items() if rows == size]
    if not names and sizes.get("targets") == size + RESERVED_IDS:  # a loss without the reserved ids
        names, value, size = ["targets"], value + RESERVED_IDS, size + RESERVED_IDS
    return InputError(_outside(model, " or ".join(names), value, size)) if names else None


def _outside(model: str, name: str, value: int, size: int) -> str:
    return (
        f"The ids in {name} of this batch include {value}, but {model} knows ids from 0 to {size - 1}: the ids belong "
        "to another vocabulary. Encode the data with the FeatureSpec that the model was built for."
    )
