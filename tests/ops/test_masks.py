import numpy as np
import pytest
from keras import ops

from tfrec.ops import is_item, mask_items


def test_only_ids_from_two_on_are_items():
    ids = np.array([[0, 1, 2], [3, 0, 900]])
    assert ops.convert_to_numpy(is_item(ids)).tolist() == [[False, False, True], [True, False, True]]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_masks_exactly_the_named_items_of_each_row(dtype):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(5, 40)).astype(dtype)
    ids = rng.integers(0, 40, (5, 12))  # with repeats
    ids[0] = 0  # a user without a history
    masked = ops.convert_to_numpy(mask_items(scores, ids))
    assert masked.dtype == dtype
    for row in range(5):
        for item in range(40):
            assert masked[row, item] == (-np.inf if item in ids[row] else scores[row, item])


def test_ids_without_a_score_mask_nothing():
    scores = np.zeros((2, 5), "float32")
    masked = ops.convert_to_numpy(mask_items(scores, np.array([[5, 9, 3], [5, 900, 0]])))
    assert np.argwhere(np.isinf(masked)).tolist() == [[0, 0], [0, 3], [1, 0]]  # in addition to padding
