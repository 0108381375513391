"""Signatures with named inputs, some of them optional."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Input:
    """A named input of a signature.

    Attributes:
        name: name of the tensor.
        dtype: type of the tensor.
        rank: 2 for (B, L), 1 for (B,).
        optional: whether gRPC clients may omit it.
        default: the value if it is omitted, one row for the whole batch; None is a tensor of width 0.
        width: size of the last axis; None if it is free.
    """

    name: str
    dtype: tf.DType = tf.string
    rank: int = 2
    optional: bool = False
    default: Any = None
    width: int | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape, with None for free axes."""
        return (*(None,) * (self.rank - 1), self.width)


def signature(function: Callable[..., dict[str, tf.Tensor]], inputs: Sequence[Input]) -> Any:
    """A `tf.function` with named inputs, which it passes to `function` by name.

    TensorFlow stores the default values of a function's Python arguments in the SavedModel, and the server fills them
    in. So the traced function gets a Python signature that is built from `inputs`.
    """
    names = [one.name for one in inputs]

    def call(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        # The runtime does not check shapes.
        checked = [tf.ensure_shape(x, one.shape, one.name) for x, one in zip(tensors, inputs, strict=True)]
        return function(**dict(zip(names, checked, strict=True)))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    call.__signature__ = inspect.Signature(
        [
            inspect.Parameter(one.name, kind, default=_nothing(one) if one.optional else inspect.Parameter.empty)
            for one in inputs
        ]
    )
    call.__name__ = function.__name__
    specs = [tf.TensorSpec(one.shape, one.dtype, name=one.name) for one in inputs]
    return tf.function(call, input_signature=specs, jit_compile=False, autograph=False)


def given_or(rows: tf.Tensor, batch: tf.Tensor, name: str, lead: str = "history") -> tf.Tensor:
    """Rows (B, ...) unchanged, or a single row repeated for the batch; any other number is an error."""
    own = tf.shape(rows)[0]
    message = f"{name} must have as many rows as {lead}, or one row for all."
    tf.debugging.Assert((own == batch) | (own == 1), [message, tf.shape(rows), batch])
    return tf.gather(rows, tf.minimum(tf.range(batch), own - 1))  # a `tf.cond` would add two functions per input


def _nothing(one: Input) -> tf.Tensor:
    if one.default is not None:
        return tf.constant(one.default, one.dtype)
    return tf.zeros((1, 0), one.dtype) if one.dtype != tf.string else tf.constant([], tf.string, shape=(1, 0))
