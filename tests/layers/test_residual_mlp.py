import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import ResidualMLP


def made(width=5, seed=0, **kwargs):
    layer = ResidualMLP(**{"hidden_dims": (7, 3), **kwargs})
    layer.build((None, width))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0, 0.7, w.shape) for w in layer.get_weights()])
    return layer


def run(layer, x, **kwargs):
    return ops.convert_to_numpy(layer(np.asarray(x, "float32"), **kwargs))


def test_equals_the_formula():
    layer, x = made(dropout=0.5), np.random.default_rng(1).normal(size=(4, 5))
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    assert len(w) == 8
    h = x
    for i in range(2):
        inner = np.maximum(h @ w[f"expand_{i}/kernel"] + w[f"expand_{i}/bias"], 0)
        h = h + inner @ w[f"contract_{i}/kernel"] + w[f"contract_{i}/bias"]
    np.testing.assert_allclose(run(layer, x, training=False), h, atol=2e-5)


def test_is_the_identity_if_its_second_layers_are_zero():
    layer, x = made(), np.random.default_rng(1).normal(size=(4, 2, 5)).astype("float32")
    for weight in layer.weights:
        if "contract" in weight.path:
            weight.assign(ops.zeros_like(weight))
    np.testing.assert_array_equal(run(layer, x), x)
    np.testing.assert_array_equal(run(ResidualMLP([]), x), x)


def test_dropout_is_applied_only_in_training():
    layer, x = made(dropout=0.5), np.ones((16, 5))
    assert np.abs(run(layer, x, training=True) - run(layer, x, training=False)).max() > 0.01
    np.testing.assert_array_equal(run(layer, x), run(made(), x))


def test_survives_its_config():
    layer, x = made(dropout=0.1, activation="gelu", seed=3), np.ones((2, 5))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, x), run(layer, x))


@pytest.mark.parametrize("bad", [0, -1, True, 1.5])
def test_widths_are_positive_integers(bad):
    with pytest.raises(ValueError, match=f"hidden_dims must be a positive integer, got {bad}"):
        ResidualMLP([4, bad])
