"""Estimate the memory of a model before it is built, and raise an error if this machine has too little."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from tfrec import environment
from tfrec.errors import InputError

_BYTES = 4  # bytes of a float32
_COPIES = 4  # arrays per weight in training: the weight, its gradient, and two moments of Adam
# Global state that Keras changes when a model is built: variables to be created later, and counts of names.
_STATE = ("uninitialized_variables", "object_name_uids")


def count_parameters(build: Callable[[], keras.Model]) -> int:
    """Number of parameters of the model that a function builds, without creating variables or changing global state.

    Example:
        >>> from tfrec.models import SASRec
        >>> count_parameters(lambda: SASRec(10, max_length=4, hidden_dim=10**9)) > 10**18
        True
    """
    with _unchanged(), keras.StatelessScope(initialize_variables=False):
        model = build()
        return sum(_size(variable.shape) for variable in model.variables)


def check_memory(build: Callable[[], keras.Model], batch_size: int = 1, num_negatives: int = 0) -> None:
    """Raise `InputError` if training needs more memory than this machine has, by a lower bound.

    Args:
        build: function that builds the model.
        batch_size: rows per batch.
        num_negatives: negatives that the loss draws per batch; each row has a score for each of them.
    """
    parameters = count_parameters(build)
    needed = _BYTES * (_COPIES * parameters + batch_size * num_negatives)
    there = environment.memory()
    if there is not None and needed > there:
        raise InputError(
            f"The model has {parameters:,} parameters and needs at least {_in_words(needed)} of memory for training, "
            f"but this machine has {_in_words(there)}. Reduce the sizes in the recipe, such as hidden_dim, "
            "max_length, hash_buckets or num_negatives, or drop rare items with --min-item-count."
        )


def _size(shape: Any) -> int:
    size = 1
    for length in shape:
        size *= int(length)  # Python integers do not overflow
    return size


@contextmanager
def _unchanged() -> Iterator[None]:
    draws, numpy_draws = random.getstate(), np.random.get_state()
    kept = {name: global_state.get_global_attribute(name) for name in _STATE}
    copies = {name: None if value is None else value.copy() for name, value in kept.items()}
    try:
        yield
    finally:
        for name, value in copies.items():
            global_state.set_global_attribute(name, value)
        random.setstate(draws)
        np.random.set_state(numpy_draws)


def _in_words(number: float) -> str:
    for unit in ("B", "KB", "MB", "GB", "TB", "PB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:,.0f} EB"
