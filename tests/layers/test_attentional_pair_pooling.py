import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import AttentionalPairPooling
from tfrec.ops import feature_pairs

B, F, D, K = 3, 5, 4, 6
PAIRS = feature_pairs(range(F))


def made(seed=0, **kwargs):
    layer = AttentionalPairPooling(attention_dim=K, **kwargs)
    layer.build((None, F, D))
    return drawn(layer, seed, 0.9)


def fields(seed=1):
    return np.random.default_rng(seed).normal(size=(B, F, D))


def run(layer, x):
    return [ops.convert_to_numpy(one) for one in layer(x.astype("float32"), return_attention_scores=True)]


def oracle(layer, x):
    """The formula of the docstring, a pair at a time, in float64."""
    hidden, bias, vector = (ops.convert_to_numpy(w).astype("float64") for w in layer.weights)
    weights, y = np.zeros((B, len(PAIRS))), np.zeros((B, D))
    for b in range(B):
        products = [x[b, i] * x[b, j] for i, j in PAIRS]
        e = [np.exp(np.maximum(product @ hidden + bias, 0) @ vector[:, 0]) for product in products]
        weights[b] = e / np.sum(e)
        y[b] = sum(weight * product for weight, product in zip(weights[b], products, strict=True))
    return y, weights


def test_equals_the_formula():
    layer, x = made(), fields()
    for found, expected in zip(run(layer, x), oracle(layer, x), strict=True):
        np.testing.assert_allclose(found, expected, atol=5e-6)


def test_equal_weights_give_the_mean_of_all_products():
    layer, x = made(), fields()
    layer.score_map.kernel.assign(np.zeros((K, 1)))
    outputs, weights = run(layer, x)
    np.testing.assert_allclose(weights, 1 / len(PAIRS), atol=1e-6)
    np.testing.assert_allclose(outputs, np.mean([x[:, i] * x[:, j] for i, j in PAIRS], axis=0), atol=1e-5)


def test_attention_l2_regularises_the_attention_kernel():
    layer = made(attention_l2=0.5)
    layer(fields().astype("float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(sum(layer.losses)), 0.5 * (layer.get_weights()[0] ** 2).sum(), 1e-5)


@pytest.mark.tensorflow
def test_half_precision_computes_the_softmax_in_float32():
    outputs, weights = run(AttentionalPairPooling(K, dtype="mixed_float16", seed=0), fields())
    assert outputs.dtype == np.float16 and weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("count", [None, 1])
def test_fewer_than_two_features_raise_an_error(count):
    with pytest.raises(ValueError, match=f"at least two features.*got {count}"):
        AttentionalPairPooling().build((None, count, D))


def test_survives_its_config():
    layer, x = made(attention_l2=0.1, seed=3), fields()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, x)[0], run(layer, x)[0])
    assert layer.compute_output_shape((None, F, D)) == (None, D)
