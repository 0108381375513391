"""Ids that a model has no vector for, and ids of another vocabulary: found before they do harm."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfrec.errors import InputError
from tfrec.ops import RESERVED_IDS

ATTRIBUTE = "tfrec_vocabulary"  # of the datasets that tfrec.data makes
# What TensorFlow says of a lookup behind the end of a table, and of a label behind the last class.
_BEYOND = re.compile(
    r"(?:indices\[[\d,]*\] = (-?\d+) is not in \[0, (\d+)\))"
    r"|(?:[Ll]abel value of (-?\d+) which is outside the valid range of \[0, (\d+)\))"
)
_IN_MEMORY = ("ndarray", "EagerTensor", "ArrayImpl")  # what is no tensor of a graph, in NumPy, TensorFlow and JAX


def vocabulary_of(data: Any) -> Mapping[str, str] | None:
    """The hashes of the vocabulary that batches were encoded with, or None where nothing says so.

    The datasets of `tfrec.data` carry them, and what `take`, `map`, `shuffle` and the like make of such a dataset is
    traced back to it.

    Args:
        data: what `fit` is given.
    """
    waiting = [data]
    while waiting:
        one = waiting.pop()
        found = getattr(one, ATTRIBUTE, None)
        if found is not None:
            return found
        inputs = getattr(one, "_inputs", None)  # of a tf.data.Dataset
        if callable(inputs):
            waiting += inputs()
    return None


def differing(bound: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names whose hashes both have and whose hashes differ.

    Example:
        >>> differing({"item": "a", "user": "b"}, {"item": "a", "user": "c", "hour": "d"})
        ['user']
    """
    return sorted(name for name in bound.keys() & other.keys() if bound[name] != other[name])


def hashes_read_by(input_names: Iterable[str], hashes: Mapping[str, str]) -> dict[str, str]:
    """Of a vocabulary's hashes those that give the inputs of a model their meaning.

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
    """Raise `InputError` if ids that lie in memory are outside of the model's tables; tensors of graphs pass.

    Args:
        model: its name, for the error.
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
    """Whether a tensor has its numbers: not so a tensor of a graph that is being traced.

    Example:
        >>> in_memory(np.zeros(2)), in_memory([0, 0])
        (True, False)
    """
    return type(value).__name__ in _IN_MEMORY


def explained(error: Exception, model: str, sizes: Mapping[str, int]) -> InputError | None:
    """What an error of a lookup means, where it is one of ids outside of the model's tables."""
    found = _BEYOND.search(str(error))
    if not found:
        return None
    value, size = (int(part) for part in found.groups() if part is not None)
    names = [name for name, rows in sizes.items() if rows == size]
    if not names and sizes.get("targets") == size + RESERVED_IDS:  # a loss that leaves the reserved ids out
        names, value, size = ["targets"], value + RESERVED_IDS, size + RESERVED_IDS
    return InputError(_outside(model, " or ".join(names), value, size)) if names else None


def _outside(model: str, name: str, value: int, size: int) -> str:
    return (
        f"The ids in {name} of this batch include {value}, and {model} knows ids from 0 to {size - 1}: they are those "
        "of another vocabulary. Encode the data with the FeatureSpec that the model was built for."
    )
