import keras
import numpy as np
from keras import ops

from tfrec.layers import TimeBias


def test_equals_the_formula():
    layer = TimeBias(num_buckets=5)
    buckets = np.random.default_rng(0).integers(0, 5, (2, 3, 3))
    layer.build(buckets.shape)
    weight = np.random.default_rng(1).normal(size=5).astype("float32")
    layer.set_weights([weight])
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(buckets)), weight[buckets])


def test_survives_its_config():
    layer = TimeBias(num_buckets=5, name="b")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
