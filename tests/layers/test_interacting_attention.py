import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import InteractingAttention

B, F, D, H, K = 3, 5, 4, 2, 3


def made(seed=0, **kwargs):
    layer = InteractingAttention(num_heads=H, head_dim=K, **kwargs)
    layer.build((None, F, D))
    return drawn(layer, seed, 0.7)


def fields(seed=1):
    return np.random.default_rng(seed).normal(size=(B, F, D))


def run(layer, x, **kwargs):
    return [ops.convert_to_numpy(one) for one in layer(x.astype("float32"), return_attention_scores=True, **kwargs)]


def oracle(layer, x):
    """The formula of the docstring, a feature and a head at a time, in float64."""
    maps = {w.path.split("/")[-2]: ops.convert_to_numpy(w).astype("float64") for w in layer.weights}
    weights, y = np.zeros((B, H, F, F)), np.zeros((B, F, H * K))
    for b, h, i in np.ndindex(B, H, F):
        head = slice(h * K, (h + 1) * K)
        query, keys = x[b, i] @ maps["query_map"][:, head], x[b] @ maps["key_map"][:, head]
        e = np.exp(keys @ query)
        weights[b, h, i] = e / e.sum()
        y[b, i, head] = weights[b, h, i] @ (x[b] @ maps["value_map"][:, head])
    if layer.use_residual:
        y = y + x @ maps["residual_map"]
    return np.maximum(y, 0), weights


@pytest.mark.parametrize("use_residual", [True, False])
def test_equals_the_formula(use_residual):
    layer, x = made(use_residual=use_residual, dropout=0.5), fields()
    for found, expected in zip(run(layer, x, training=False), oracle(layer, x), strict=True):
        np.testing.assert_allclose(found, expected, atol=5e-6)


def test_is_equivariant_to_the_order_of_the_features():
    layer, x, order = made(), fields(), [2, 0, 4, 3, 1]
    outputs, weights = run(layer, x)
    moved, moved_weights = run(layer, x[:, order])
    np.testing.assert_allclose(moved, outputs[:, order], atol=1e-5)
    np.testing.assert_allclose(moved_weights, weights[:, :, order][..., order], atol=1e-6)


def test_returned_weights_are_those_before_dropout():
    layer, x = made(dropout=0.5), fields()
    dropped, shown = run(layer, x, training=True)
    plain, weights = run(layer, x, training=False)
    assert np.abs(dropped - plain).max() > 0.01
    np.testing.assert_allclose(shown, weights, atol=1e-6)


@pytest.mark.tensorflow
def test_half_precision_computes_the_softmax_in_float32():
    layer = InteractingAttention(num_heads=H, head_dim=K, dtype="mixed_float16", seed=0)
    outputs, weights = run(layer, fields())
    assert outputs.dtype == np.float16 and weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)


def test_survives_its_config():
    layer, x = made(use_residual=False, dropout=0.1, seed=3), fields()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, x)[0], run(layer, x)[0])
    assert layer.compute_output_shape((None, F, D)) == (None, F, H * K)
