"""Functions compiled whole on JAX, which op by op compiles a hundred small ones; TensorFlow needs no help."""

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
    """What the layer gives, as float32 NumPy."""
    return ops.convert_to_numpy(_called(layer, **kwargs)(*inputs))
