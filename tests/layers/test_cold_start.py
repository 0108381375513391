import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import ColdStart

IDS = np.r_[0, 1, np.arange(2, 1000)].astype("int32")
COUNTS = np.full(1000, 3.0, "float32")


def run(layer, training):
    return [ops.convert_to_numpy(one) for one in layer(IDS, COUNTS, training=training)]


def test_makes_a_share_unseen_in_training_only():
    layer = ColdStart(0.3, cold_count=-1.0, seed=0)
    ids, counts = run(layer, training=True)
    assert ids[0] == 0 and 0.25 < np.mean(ids[2:] == 1) < 0.35
    np.testing.assert_array_equal(counts, np.where(ids < 2, -1.0, 3.0))
    assert (run(layer, training=True)[0] != ids).any()
    ids, counts = run(layer, training=False)
    np.testing.assert_array_equal(ids, IDS)
    np.testing.assert_array_equal(counts[:2], -1.0)
    np.testing.assert_array_equal(counts[2:], 3.0)


def test_survives_its_config():
    layer = ColdStart(0.3, cold_count=-1.0, seed=5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_the_rate_must_be_between_0_and_1(rate):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        ColdStart(rate)
