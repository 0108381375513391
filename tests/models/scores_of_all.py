"""Run by test_other_backend.py, with TensorFlow and with JAX: the scores of every variant."""

import contextlib
from unittest import mock

import keras
import numpy as np
import small
import small_ranking
import small_users
from keras import ops

HISTORIES = np.array([[0, 0, 3, 4, 5], [0, 2, 9, 8, 7], [0, 0, 0, 0, 0]])


def scored(model, inputs):
    """The scores; on JAX the function is compiled as a whole, because JAX would otherwise compile each operation."""
    score = model.score
    if keras.backend.backend() == "jax":
        import jax

        score = jax.jit(score)
    return ops.convert_to_numpy(score(inputs))


def undrawn():
    """Initial weights of 0 on JAX, which compiles each draw of a shape; `made` draws all weights itself."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()

    def zeros(shape, *_, dtype=None, **__):
        return np.zeros(shape, dtype or "float32")

    return mock.patch.multiple("keras.src.random", normal=zeros, truncated_normal=zeros, uniform=zeros)


def scores():
    """Name of the variant -> (B, V + 2), or (B,) of those that rank rows."""
    with undrawn():
        return _scores()


def _scores():
    found = {}
    for name in small.VARIANTS:
        model = small.made(name, **small.shallow(name))
        found[name] = scored(model, small.given(model, HISTORIES))
    for name in small_users.VARIANTS.keys() - small_users.SIBLINGS:
        found[name] = scored(small_users.made(name), small_users.given())
    model = small.made("comirec", pooling="em")
    found["comirec-em"] = scored(model, small.given(model, HISTORIES))
    rows = small_ranking.rows(6, missing=0.2)
    for name in small_ranking.VARIANTS.keys() - (small_ranking.SIBLINGS - small_ranking.DIRECTIONS):
        model = small_ranking.made(name)
        found[name] = scored(model, small_ranking.given(model, rows))
    return found
