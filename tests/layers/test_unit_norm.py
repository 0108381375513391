import keras
import numpy as np
from keras import ops

from tfrec.layers import UnitNorm


def test_all_vectors_get_the_length_scale():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    y = ops.convert_to_numpy(UnitNorm(scale=20.0)(x))
    np.testing.assert_allclose(y, 20 * x / np.linalg.norm(x, axis=-1, keepdims=True), rtol=1e-5)


def test_survives_its_config():
    layer = UnitNorm(scale=3.0, name="u")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
