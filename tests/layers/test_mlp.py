import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import MLP


def made(width=5, seed=0, **kwargs):
    """A built layer whose weights are all far from where they begin."""
    layer = MLP(**{"hidden_dims": (7, 3), "activation": "tanh", **kwargs})
    layer.build((None, width))
    rng = np.random.default_rng(seed)
    layer.set_weights([np.abs(rng.normal(0, 0.7, w.shape)) + 0.1 for w in layer.get_weights()])
    return layer


def run(layer, x, **kwargs):
    return ops.convert_to_numpy(layer(np.asarray(x, "float32"), **kwargs))


def oracle(layer, x):
    """The formula of the docstring, in float64."""
    weights = {w.path.split("/", 1)[-1]: ops.convert_to_numpy(w).astype("float64") for w in layer.weights}
    for i in range(len(layer.hidden_dims)):
        named = {path.rsplit("/", 1)[-1]: w for path, w in weights.items() if f"_{i}/" in path}
        x = x @ named["kernel"] + named.get("bias", 0.0)
        if layer.batch_norm:
            scaled = (x - named["moving_mean"]) / np.sqrt(named["moving_variance"] + 1e-3)
            x = scaled * named["gamma"] + named["beta"]
        x = np.tanh(x)
    return x


@pytest.mark.parametrize("batch_norm", [False, True])
def test_equals_the_formula(batch_norm):
    layer, x = made(batch_norm=batch_norm, dropout=0.5), np.random.default_rng(1).normal(size=(4, 5))
    assert len(layer.weights) == (10 if batch_norm else 4)
    np.testing.assert_allclose(run(layer, x, training=False), oracle(layer, x), atol=2e-6)


def test_accepts_any_leading_axes_and_is_the_identity_without_layers():
    layer, x = made(), np.random.default_rng(1).normal(size=(4, 2, 5))
    np.testing.assert_allclose(run(layer, x)[:, 1], run(layer, x[:, 1]), atol=1e-6)
    assert layer.compute_output_shape((None, 2, 5)) == (None, 2, 3)
    np.testing.assert_array_equal(run(MLP([]), x), x.astype("float32"))


def test_norm_and_dropout_depend_on_training():
    x = np.random.default_rng(1).normal(size=(64, 5))
    dropped = run(made(dropout=0.5), x, training=True)
    assert 0.3 < (dropped == 0).mean() < 0.7 and (run(made(dropout=0.5), x) != 0).all()
    layer = MLP([6], activation="linear", batch_norm=True)
    np.testing.assert_allclose(run(layer, x, training=True).mean(axis=0), 0, atol=1e-5)
    assert np.abs(run(layer, x, training=False).mean(axis=0)).max() > 1e-3


def test_an_empty_batch_does_not_change_the_averages_of_the_norm():
    """Their mean over no rows is NaN, which replicas would share."""
    layer = made(batch_norm=True)
    before = layer.get_weights()
    layer(np.zeros((0, 5), "float32"), training=True)
    for new, old in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-6)


def test_each_layer_gets_its_own_activation_with_weights():
    layer = MLP([4, 4], activation=keras.layers.PReLU(alpha_initializer="ones"))
    layer.build((None, 4))
    assert len(layer.weights) == 6


def test_a_seed_fixes_the_initial_weights_and_layers_differ():
    one, same, other = (MLP([4, 4], seed=seed) for seed in (1, 1, 2))
    for layer in (one, same, other):
        layer.build((None, 4))
    np.testing.assert_array_equal(one.get_weights()[0], same.get_weights()[0])
    assert (one.get_weights()[0] != other.get_weights()[0]).all()
    assert (one.get_weights()[0] != one.get_weights()[2]).all()


@pytest.mark.parametrize(
    "activation", ["gelu", keras.activations.gelu, keras.layers.PReLU()], ids=["name", "function", "layer"]
)
def test_survives_its_config(activation):
    layer, x = made(activation=activation, dropout=0.1, batch_norm=True), np.ones((2, 5))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, x), run(layer, x))


@pytest.mark.parametrize("bad", [0, -1, True, 1.5])
def test_widths_are_positive_integers(bad):
    with pytest.raises(ValueError, match=f"hidden_dims must be a positive integer, got {bad}"):
        MLP([4, bad])
