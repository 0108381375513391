import keras
import numpy as np
from keras import ops

from tfrec.layers import SegmentEmbedding


def test_equals_the_formula_and_survives_its_config():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 3, 4)).astype("float32"), rng.normal(size=(2, 5, 4)).astype("float32")
    layer = SegmentEmbedding(seed=1)
    found = ops.convert_to_numpy(layer([one, other]))
    segments = ops.convert_to_numpy(layer.segments)
    assert np.abs(segments[0] - segments[1]).max() > 0.01
    expected = np.concatenate([one + segments[0], other + segments[1]], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert layer.compute_output_shape([(None, 3, 4), (None, 5, 4)]) == (None, 8, 4)
    assert layer.compute_output_shape([(None, None, 4), (None, 5, 4)]) == (None, None, 4)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    np.testing.assert_array_equal(ops.convert_to_numpy(again([one, other])), found)
