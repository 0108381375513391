"""Compile functions as a whole on JAX, which otherwise compiles each operation; TensorFlow does not need this."""

import functools

import keras
from keras import ops


def whole(function):
    """The function, on JAX compiled once for each shape of its inputs."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


@functools.lru_cache(maxsize=4)
def _called(layer, **kwargs):
    return whole(lambda *inputs: ops.cast(layer(*inputs, **kwargs), "float32"))


def call(layer, *inputs, **kwargs):
    """The output of the layer, as float32 NumPy."""
    return ops.convert_to_numpy(_called(layer, **kwargs)(*inputs))
