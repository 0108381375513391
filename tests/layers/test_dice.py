import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import Dice

U = 3


def made(seed=0, **kwargs):
    layer = Dice(**kwargs)
    layer.build((None, None, U), (None, None))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=U), rng.normal(size=U), rng.uniform(0.5, 2, U)])
    return layer


def batch(seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, 2, (4, 5, U)).astype("float32"), np.arange(5) >= np.array([[0], [3], [4], [5]])


def averages(layer):
    return [ops.convert_to_numpy(each).astype("float64") for each in (layer.moving_mean, layer.moving_variance)]


def oracle(layer, inputs, mean, variance):
    """The formula of the docstring, in float64."""
    alpha = ops.convert_to_numpy(layer.alpha).astype("float64")
    p = 1 / (1 + np.exp(-(inputs - mean) / np.sqrt(variance + layer.epsilon)))
    return p * inputs + (1 - p) * alpha * inputs


def test_equals_the_formula_with_moving_averages_in_inference():
    layer, (inputs, mask) = made(), batch()
    before = averages(layer)
    found = ops.convert_to_numpy(layer(inputs, mask, training=False))
    np.testing.assert_allclose(found, oracle(layer, inputs, *before), atol=1e-5)
    np.testing.assert_array_equal(averages(layer), before)


@pytest.mark.parametrize("masked", [True, False])
def test_equals_the_formula_with_the_batch_in_training(masked):
    layer, (inputs, mask) = made(momentum=0.9), batch()
    before, real = averages(layer), inputs[mask] if masked else inputs.reshape(-1, U)
    mean, variance = real.mean(axis=0, dtype="float64"), real.var(axis=0, dtype="float64")
    found = ops.convert_to_numpy(layer(inputs, mask if masked else None, training=True))
    np.testing.assert_allclose(found, oracle(layer, inputs, mean, variance), atol=1e-5)
    for after, old, new in zip(averages(layer), before, (mean, variance), strict=True):
        np.testing.assert_allclose(after, 0.9 * old + 0.1 * new, atol=1e-5)


def test_padding_is_excluded_from_the_statistics():
    inputs, mask = batch()
    plain, other = made(), made()
    expected = ops.convert_to_numpy(plain(inputs, mask, training=True))
    found = ops.convert_to_numpy(other(np.where(mask[..., None], inputs, 1e4), mask, training=True))
    np.testing.assert_array_equal(found[mask], expected[mask])
    np.testing.assert_array_equal(averages(other), averages(plain))


def test_a_batch_of_padding_does_not_change_the_averages():
    layer, (inputs, mask) = made(), batch()
    before = averages(layer)
    assert np.isfinite(ops.convert_to_numpy(layer(inputs, np.zeros_like(mask), training=True))).all()
    np.testing.assert_array_equal(averages(layer), before)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_keeps_a_constant_channel_finite(dtype):
    layer = Dice(dtype=dtype)
    found = ops.convert_to_numpy(ops.cast(layer(np.full((2, 3, U), 900.0, "float32"), training=True), "float32"))
    assert np.isfinite(found).all() and str(layer.moving_mean.dtype) == "float32"


def test_survives_its_config():
    layer = Dice(momentum=0.5, epsilon=1e-3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
