import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import RelativePositionBias


@pytest.mark.parametrize("length", [1, 3, 4, 7])
def test_equals_the_formula(length):
    layer = RelativePositionBias(max_length=4)
    layer.build((None, None, 2))
    weight = np.random.default_rng(0).normal(size=7)
    layer.set_weights([weight])
    bias = ops.convert_to_numpy(layer(np.zeros((2, length, 2), "float32")))
    assert bias.shape == (length, length)
    for i in range(length):
        for j in range(length):
            assert bias[i, j] == pytest.approx(weight[3 + max(-3, min(3, i - j))])


def test_survives_its_config():
    layer = RelativePositionBias(max_length=4, name="b")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
