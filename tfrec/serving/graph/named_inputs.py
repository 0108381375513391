"""Signatures with named inputs, some of which a caller may leave out."""

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
        name: of the tensor.
        dtype: of the tensor.
        rank: 2 for (B, L), 1 for (B,).
        optional: whether a caller of gRPC may leave it out.
        default: what then stands for it, one row for all; None is a tensor of width 0.
        width: the size of the last axis, where it is not free.
    """

    name: str
    dtype: tf.DType = tf.string
    rank: int = 2
    optional: bool = False
    default: Any = None
    width: int | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """None where an axis is free."""
        return (*(None,) * (self.rank - 1), self.width)


def signature(function: Callable[..., dict[str, tf.Tensor]], inputs: Sequence[Input]) -> Any:
    """A `tf.function` of named inputs that calls `function` with them by name.

    TensorFlow writes the defaults of a function's Python arguments into the SavedModel, from where the server fills
    them in, so the function that is traced gets a Python signature made for it.
    """
    names = [one.name for one in inputs]

    def call(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        # The runtime itself takes any shape that is fed.
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


def given_or(rows: tf.Tensor, batch: tf.Tensor, name: str) -> tf.Tensor:
    """Rows (B, ...) as they are, a single row for every request of the batch, an error otherwise."""
    own = tf.shape(rows)[0]
    message = f"{name} must have a row for each row of history, or one row for all."
    tf.debugging.Assert((own == batch) | (own == 1), [message, tf.shape(rows), batch])
    return tf.gather(rows, tf.minimum(tf.range(batch), own - 1))  # not a `tf.cond`, two functions for each input


def _nothing(one: Input) -> tf.Tensor:
    if one.default is not None:
        return tf.constant(one.default, one.dtype)
    return tf.zeros((1, 0), one.dtype) if one.dtype != tf.string else tf.constant([], tf.string, shape=(1, 0))
