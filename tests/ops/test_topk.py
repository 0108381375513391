import numpy as np
from keras import ops

from tfrec.ops import top_items


def test_equals_a_stable_sort():
    scores = np.random.default_rng(0).integers(-9, 9, (6, 50)).astype("float32")  # full of ties
    ids, best = map(ops.convert_to_numpy, top_items(scores, 20))
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :20]
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_array_equal(best, np.take_along_axis(scores, expected, 1))


def test_masked_items_are_never_returned():
    scores = np.full((2, 6), -np.inf, "float32")
    scores[1, [5, 3]] = 1.0, -2.0
    ids, best = map(ops.convert_to_numpy, top_items(scores, 4))
    assert ids.tolist() == [[0, 0, 0, 0], [5, 3, 0, 0]]
    assert best.tolist() == [[-np.inf] * 4, [1.0, -2.0, -np.inf, -np.inf]]
