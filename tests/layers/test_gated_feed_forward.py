import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import GatedFeedForward


@pytest.mark.parametrize("inner_dim", [None, 7])
def test_equals_the_formula(inner_dim):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4))
    layer = GatedFeedForward(inner_dim, dropout=0.5)
    layer.build((None, None, 4))
    gate, expand, contract = (ops.convert_to_numpy(w).astype("float64") for w in layer.weights)
    assert gate.shape == (4, inner_dim or 8)
    opened = x @ gate / (1 + np.exp(-(x @ gate)))
    y = ops.convert_to_numpy(layer(x.astype("float32"), training=False))
    np.testing.assert_allclose(y, (opened * (x @ expand)) @ contract, atol=3e-6)


def test_survives_its_config():
    layer = GatedFeedForward(5, dropout=0.3, name="f")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
