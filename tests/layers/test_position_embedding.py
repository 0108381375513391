import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import PositionEmbedding
from tfrec.ops import event_ages


def test_counts_from_the_newest():
    layer = PositionEmbedding(max_length=5)
    layer.build((None, None, 4))
    table = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    layer.set_weights([table])
    for length in (1, 3, 5):
        x = np.random.default_rng(length).normal(size=(2, length, 4)).astype("float32")
        y = ops.convert_to_numpy(layer(x))
        for t in range(length):
            np.testing.assert_allclose(y[:, t], x[:, t] + table[5 - length + t], rtol=1e-6)


def test_counts_from_the_newest_real_position_where_ages_are_given():
    layer = PositionEmbedding(max_length=3)
    layer.build((None, None, 2))
    table = np.arange(6, dtype="float32").reshape(3, 2)
    layer.set_weights([table])
    ages = event_ages(np.array([[False, True, True], [True, True, False]]))
    y = ops.convert_to_numpy(layer(np.zeros((2, 3, 2), "float32"), ages))
    np.testing.assert_array_equal(y[0], table)
    np.testing.assert_array_equal(y[1, :2], table[1:])


def test_too_long_a_sequence_raises_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match=r"6 positions.*max_length=5.*newest 5"):
        PositionEmbedding(max_length=5)(np.zeros((1, 6, 4), "float32"))


def test_survives_its_config():
    layer = PositionEmbedding(max_length=5, name="p")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
