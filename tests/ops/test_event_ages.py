import numpy as np
import pytest
from keras import ops

from tfrec.ops import event_ages


@pytest.mark.parametrize(
    "row, ages",
    [([0, 1, 1], [2, 1, 0]), ([1, 1, 0], [1, 0, -1]), ([1, 0, 1], [2, 1, 0]), ([0, 0, 0], [-1, -2, -3])],
    ids=["left", "right", "hole", "empty"],
)
def test_counts_from_the_newest_real_position(row, ages):
    assert ops.convert_to_numpy(event_ages(np.array([row], bool))).tolist() == [ages]


def test_a_sequence_of_length_0_has_no_ages():
    assert tuple(event_ages(np.zeros((2, 0), bool)).shape) == (2, 0)
