"""The table of the users of each item: complete if it fits, otherwise a sample that depends on the seed."""

import numpy as np
import pytest
from keras import ops

from tfrec.layers import Audiences

PAIRS = np.array([(user, item) for item in (2, 3, 5) for user in range(2, 2 + 4 * item)])


def filled(seed=0, size=10, pairs=PAIRS):
    layer = Audiences(num_items=7, num_users=30, size=size, seed=seed)
    layer.build()
    layer.fill(pairs)
    return layer


def test_holds_all_users_of_an_item_where_they_fit():
    rows = ops.convert_to_numpy(filled(size=20)(np.arange(7)))
    for item in range(7):
        wanted = sorted(PAIRS[PAIRS[:, 1] == item, 0])
        assert sorted(rows[item, : len(wanted)]) == wanted and not rows[item, len(wanted) :].any()


def test_samples_the_users_of_popular_items_by_seed():
    one, same, other = (ops.convert_to_numpy(filled(seed)(np.arange(7))) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    for rows in (one, other):
        assert len(set(rows[5])) == 10 and set(rows[5]) <= set(range(2, 22))
    assert set(one[5]) != set(other[5])
    drawn = np.mean([np.isin(np.arange(2, 22), ops.convert_to_numpy(filled(seed).users)[5]) for seed in range(60)], 0)
    assert drawn.min() > 0.2 and drawn.max() < 0.8  # half of the twenty each time, at random


def test_leaves_out_reserved_ids_and_replaces_what_was_before():
    layer = filled()
    layer.fill(np.array([(1, 3), (0, 4), (4, 1), (9, 4)]))
    rows = ops.convert_to_numpy(layer.users)
    assert rows.sum() == 9 and rows[4, 0] == 9
    layer.fill(np.zeros((0, 2), "int32"))
    assert not ops.convert_to_numpy(layer.users).any()


@pytest.mark.parametrize("pair", [(30, 2), (2, 7), (-1, 2)])
def test_ids_of_another_vocabulary_raise_an_error(pair):
    with pytest.raises(ValueError, match="belong to another vocabulary"):
        filled(pairs=np.array([pair]))
