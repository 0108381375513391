"""Attention by importance equals its formula."""

import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import ImportancePooling
from tfrec.layers.attention_record import attention_record

B, C, N, D = 2, 3, 4, 5


@pytest.fixture
def layer():
    layer = ImportancePooling(6)
    layer.build((None, None, N, D), (None, None, N))
    return drawn(layer, 0, 0.7)


def batch(rows=B, candidates=C):
    rng = np.random.default_rng(1)
    mask = rng.random((B, C, N)) < 0.7
    mask[0, 0] = False  # no user
    return rng.normal(size=(rows, candidates, N, D)).astype("float32"), mask


@pytest.mark.parametrize("same", [(B, C), (B, 1), (1, C)], ids=["own sets", "a set a row", "a set a candidate"])
def test_equals_the_formula(layer, same):
    vectors, mask = batch(*same)
    with attention_record() as found:
        pooled = ops.convert_to_numpy(layer(vectors, mask))
    kernel, bias, direction = (ops.convert_to_numpy(weight).astype("float64") for weight in layer.weights)
    x = np.broadcast_to(vectors, (B, C, N, D)).astype("float64")
    weights = np.exp(np.tanh(x @ kernel + bias) @ direction)[..., 0] * mask
    weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-300)
    np.testing.assert_allclose(ops.convert_to_numpy(found[0]), weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(pooled, (weights[..., None] * x).sum(2), rtol=1e-4, atol=1e-5)
    assert not pooled[0, 0].any()


def test_gradients_are_finite_where_nobody_counts(layer, value_and_gradients):
    vectors, mask = batch()
    _, gradients = value_and_gradients(lambda x: ops.sum(layer(x, np.zeros_like(mask))), vectors)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
