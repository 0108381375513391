import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import AppendMask

MASK = 99


def obvious(row, length):
    """One row in plain Python."""
    return [0, *row] if MASK in row else [*([0] * len(row) + row[-length:])[-len(row) :], MASK]


@pytest.mark.parametrize("width", [1, 2, 4, 5])
def test_equals_a_simple_implementation(width):
    rng = np.random.default_rng(width)
    rows = np.where(np.arange(width) < rng.integers(0, width + 1, (60, 1)), 0, rng.integers(1, 9, (60, width)))
    rows[::3] = np.where((rows[::3] > 0) & (rng.random((20, width)) < 0.4), MASK, rows[::3])
    found = ops.convert_to_numpy(AppendMask(MASK, max_length=4)(rows))
    assert found.tolist() == [obvious(row, 4) for row in rows.tolist()]


def test_too_long_a_row_raises_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match=r"6 positions.*max_length=4.*newest 4"):
        AppendMask(MASK, max_length=4)(np.ones((1, 6), "int32"))


def test_survives_its_config():
    layer = AppendMask(MASK, 4, name="m")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
