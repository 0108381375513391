import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import FeedForward


@pytest.mark.parametrize("inner_dim", [None, 7])
def test_equals_the_formula(inner_dim):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4))
    layer = FeedForward(inner_dim, activation="tanh", dropout=0.5)
    layer.build((None, None, 4))
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    w1, b1, w2, b2 = (ops.convert_to_numpy(w).astype("float64") for w in layer.weights)
    assert w1.shape == (4, inner_dim or 4)
    y = ops.convert_to_numpy(layer(x.astype("float32"), training=False))
    np.testing.assert_allclose(y, np.tanh(x @ w1 + b1) @ w2 + b2, atol=3e-6)


def test_dropout_is_applied_only_in_training():
    layer, x = FeedForward(dropout=0.5), np.ones((4, 8, 16), "float32")
    still, dropped = (ops.convert_to_numpy(layer(x, training=training)) for training in (False, True))
    assert (still != 0).all()
    assert 0.3 < (dropped == 0).mean() < 0.7


def test_survives_its_config():
    layer = FeedForward(5, activation="gelu", dropout=0.3, name="f")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
