"""Compare the sizes of a model's config with the shapes in its weights file, before anything is built."""

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

_LAYERS = re.compile(r"(^|_)(layers|blocks)$")  # arguments that count repeated layers
_WIDTHS = re.compile(r"^num_|_dims?$")
_NO_SIZES = re.compile(r"seed|interval|^features$|^attention_labels$|^bound_vocabulary$")
_LARGEST = 2**16  # limit of sizes that no weight shows, such as the segments of an attention
_DEEPEST = 8
_FEWEST = 16


class Header(NamedTuple):
    """Shapes of a weights file.

    Attributes:
        shapes: shape of each weight.
        elements: number of elements of all weights.
        longest: longest axis of all weights.
        integers: number of elements of the weights that are integers.
    """

    shapes: list[tuple[int, ...]]
    elements: int
    longest: int
    integers: int = 0


def read_header(path: Path) -> Header:
    """Read only the shapes and types of a weights file.

    Raises:
        InputError: if it is not a weights file, its shapes need more bytes than it has, or a weight has a type that no
            weight can have.
    """
    shapes: list[tuple[int, ...]] = []
    wrong: list[str] = []
    claimed = integers = 0

    def look(name: str, found: Any) -> None:
        nonlocal claimed, integers
        if isinstance(found, h5py.Dataset):
            if not _is_number(found):
                wrong.append(f"{name} has the type {found.dtype}")
                return
            integers += found.size if found.dtype.kind in "iub" else 0
            shapes.append(tuple(found.shape or ()))
            claimed += math.prod(found.shape or (1,)) * found.dtype.itemsize

    try:
        with h5py.File(path, "r") as file:
            file.visititems(look)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read as a weights file: {error}") from error
    if wrong:
        raise InputError(f"{path} is damaged: the weight {wrong[0][:200]}, expected numbers. Download it again.")
    size = path.stat().st_size
    if claimed > size:
        raise InputError(
            f"{path} is damaged: its shapes need {claimed:,} bytes, but it has {size:,}. Download it again."
        )
    elements = sum(math.prod(shape) for shape in shapes)
    return Header(shapes, elements, max((axis for shape in shapes for axis in shape), default=0), integers)


def _is_number(weight: h5py.Dataset) -> bool:
    if weight.attrs.get("dtype") == "bfloat16":  # as Keras marks it, because HDF5 has no such type
        return weight.dtype.kind == "V" and weight.dtype.itemsize == 2 and weight.dtype.fields is None
    is_plain = weight.dtype.kind in "fiub" and weight.dtype.itemsize <= 8
    return is_plain and (weight.dtype.kind == "b" or h5py.check_enum_dtype(weight.dtype) is None)


def check_types(path: Path, header: Header, model: keras.Model) -> None:
    """Raise `InputError` if a weights file has integers where the model has floating-point numbers, or the reverse.

    Keras casts them without a warning, and the model would give wrong answers.
    """
    integers = sum(math.prod(weight.shape) for weight in model.weights if "float" not in str(weight.dtype))
    if integers != header.integers:
        raise InputError(
            f"{path} has {header.integers:,} integers, but the model of config.json has {integers:,}: weights were "
            "stored with another type. Save or download the preset again."
        )


def check_config(path: Path, config: Mapping[str, Any], header: Header, is_own: bool) -> None:
    """Raise `InputError` if an argument of a model is larger than its weights allow.

    This runs before anything is built, because a damaged config may ask for a billion layers.

    Args:
        path: path of the config, for error messages.
        config: the constructor's arguments.
        header: shapes of the weights.
        is_own: whether the class is one of tfrec. Of other classes only arguments that count layers are checked.
    """

    def check(name: str, value: Any, depth: int) -> None:
        if depth > _DEEPEST:
            raise InputError(
                f"{path} is nested more than {_DEEPEST} levels deep in {name}: it is not a model's config."
            )
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
            amount = f"{value:,} {what}".strip()
            raise InputError(
                f"{path} has {name} = {amount}, but the weights, {len(header.shapes)} arrays with a longest axis of "
                f"{header.longest:,}, allow at most {most:,}. The preset is damaged: save or download it again."
            )

    check("config", config, 0)


@contextlib.contextmanager
def no_more_than(path: Path, header: Header, is_quantized: bool = False) -> Iterator[None]:
    """Refuse to create more weights than a file has, before they take memory.

    This watches the creation of TensorFlow variables. On other backends of Keras only `check_config` protects.

    Raises:
        InputError: at the first weight above the limits.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    # A model also has random generators with two numbers each.
    # int8 weights replace float weights that are created first.
    elements, variables = header.elements * (2 if is_quantized else 1) + 1024, 8 * len(header.shapes) + 64

    def create(following: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal elements, variables
        elements -= _elements(arguments.get("initial_value"))
        variables -= 1
        if elements < 0 or variables < 0:
            raise InputError(
                f"{path} describes a larger model than its weights, {header.elements:,} numbers in "
                f"{len(header.shapes)} arrays. The preset is damaged: save or download it again."
            )
        return following(**arguments)

    with tf.variable_creator_scope(create):
        yield


def _elements(value: Any) -> int:
    if callable(value):
        with tf.Graph().as_default():  # shapes only, nothing is computed
            value = value()
    return math.prod(np.shape(value) if isinstance(value, np.ndarray | int | float) else tuple(value.shape))
