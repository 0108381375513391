"""What a weights file holds, read from its header; and a config whose sizes it cannot be the weights of."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import keras
import numpy as np
import tensorflow as tf

from tfrec.errors import InputError

_LAYERS = re.compile(r"(^|_)(layers|blocks)$")  # arguments that say how often something is repeated
_WIDTHS = re.compile(r"^num_|_dims?$")
_NO_SIZES = re.compile(r"seed|interval|^features$|^attention_labels$|^bound_vocabulary$")
_LARGEST = 2**16  # of a size that no weight has, such as the segments of an attention
_DEEPEST = 8
_FEWEST = 16


class Header(NamedTuple):
    """Shapes of a weights file.

    Attributes:
        shapes: of every weight.
        elements: of all weights together.
        longest: the longest axis of any.
    """

    shapes: list[tuple[int, ...]]
    elements: int
    longest: int


def read_header(path: Path) -> Header:
    """Read the shapes in a weights file, and nothing else.

    Raises:
        InputError: where it is no such file, or claims to hold more than it has bytes.
    """
    shapes: list[tuple[int, ...]] = []
    claimed = 0

    def look(_: str, found: Any) -> None:
        nonlocal claimed
        if isinstance(found, h5py.Dataset):
            shapes.append(tuple(found.shape or ()))
            claimed += math.prod(found.shape or (1,)) * found.dtype.itemsize

    try:
        with h5py.File(path, "r") as file:
            file.visititems(look)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read as a file of weights: {error}") from error
    size = path.stat().st_size
    if claimed > size:
        raise InputError(f"{path} is damaged: it claims to hold {claimed:,} bytes of weights and has {size:,}.")
    elements = sum(math.prod(shape) for shape in shapes)
    return Header(shapes, elements, max((axis for shape in shapes for axis in shape), default=0))


def check_config(path: Path, config: Mapping[str, Any], header: Header, is_own: bool) -> None:
    """Raise `InputError` where an argument of a model is larger than any model with these weights can have.

    Nothing is built before: a config may ask for a billion layers.

    Args:
        path: of the config, for the error.
        config: the constructor's arguments.
        header: of the weights.
        is_own: whether the class is one of tfrec, whose arguments are known; of others, only what repeats layers is.
    """

    def check(name: str, value: Any, depth: int) -> None:
        if depth > _DEEPEST:
            raise InputError(f"{path} is nested more than {_DEEPEST} deep in {name}: it describes no model.")
        if isinstance(value, Mapping):
            for key, one in value.items():
                if not _NO_SIZES.search(str(key)):
                    check(str(key), one, depth + 1)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            refuse(name, len(value), max(len(header.shapes), _FEWEST), "entries")
            for one in value:
                check(name, one, depth + 1)
        elif isinstance(value, int) and not isinstance(value, bool):
            if _LAYERS.search(name):
                refuse(name, value, len(header.shapes), "")
            elif is_own and _WIDTHS.search(name):
                refuse(name, value, header.longest, "")
            elif is_own:
                refuse(name, value, max(_LARGEST, header.longest), "")

    def refuse(name: str, value: int, most: int, what: str) -> None:
        if value > most:
            said = f"{value:,} {what}".strip()
            raise InputError(
                f"{path} says {name} = {said}, and the model's weights, {len(header.shapes)} arrays whose longest axis "
                f"is {header.longest:,}, allow at most {most:,}. The preset is damaged: save or download it again."
            )

    check("config", config, 0)


@contextlib.contextmanager
def no_more_than(path: Path, header: Header, is_quantized: bool = False) -> Iterator[None]:
    """Refuse to make weights that a file does not hold, before they take memory.

    It watches the variables of TensorFlow; under other backends of Keras `check_config` has to do.

    Raises:
        InputError: at the first weight that is too many or too large.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    # Beside the weights a model has random generators, of two numbers each.
    # Weights of 8 bits take the place of others that are made first.
    elements, variables = header.elements * (2 if is_quantized else 1) + 1024, 8 * len(header.shapes) + 64

    def create(following: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal elements, variables
        elements -= _elements(arguments.get("initial_value"))
        variables -= 1
        if elements < 0 or variables < 0:
            raise InputError(
                f"{path} describes a larger model than its weights are of, {header.elements:,} numbers in "
                f"{len(header.shapes)} arrays. The preset is damaged: save or download it again."
            )
        return following(**arguments)

    with tf.variable_creator_scope(create):
        yield


def _elements(value: Any) -> int:
    if callable(value):
        with tf.Graph().as_default():  # shapes alone: nothing is computed
            value = value()
    return math.prod(np.shape(value) if isinstance(value, np.ndarray | int | float) else tuple(value.shape))
