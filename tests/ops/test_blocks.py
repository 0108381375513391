import numpy as np
import pytest
from keras import ops

from tfrec.ops import neighbours, take_blocks, to_blocks


@pytest.mark.parametrize("length", [1, 3, 4, 9])
def test_blocks_end_at_the_newest_position_and_are_padded_on_the_left(length):
    x = np.arange(1, 1 + 2 * length * 3, dtype="float32").reshape(2, length, 3)
    blocks = ops.convert_to_numpy(to_blocks(x, 4))
    assert blocks.shape == (2, -(-length // 4), 4, 3)
    flat = blocks.reshape(2, -1, 3)
    np.testing.assert_array_equal(flat[:, -length:], x)
    assert not flat[:, :-length].any()


def test_a_mask_is_padded_with_false():
    np.testing.assert_array_equal(ops.convert_to_numpy(to_blocks(np.ones((1, 2), bool), 3)), [[[False, True, True]]])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_neighbours_are_zero_beyond_the_ends(count):
    blocks = np.random.default_rng(0).normal(size=(2, 3, count, 2, 4))
    joined = ops.convert_to_numpy(neighbours(blocks, (-3, -1, 0, 2)))
    for n in range(count):
        for w, offset in enumerate((-3, -1, 0, 2)):
            inside = 0 <= n + offset < count
            expected = blocks[:, :, n + offset] if inside else np.zeros((2, 3, 2, 4))
            np.testing.assert_allclose(joined[:, :, n, 2 * w : 2 * w + 2], expected, rtol=1e-6)


def test_take_blocks_gathers_separately_for_each_row_and_head():
    rng = np.random.default_rng(0)
    blocks, index = rng.normal(size=(2, 3, 5, 2, 4)), rng.integers(0, 5, (2, 3, 6, 2)).astype("int32")
    taken = ops.convert_to_numpy(take_blocks(blocks, index))
    for b, h, m in np.ndindex(2, 3, 6):
        np.testing.assert_allclose(taken[b, h, m], np.concatenate(blocks[b, h, index[b, h, m]]), rtol=1e-6)
