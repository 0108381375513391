"""Masked items: which, how many, their targets, and when they change."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrec.data import FeatureSpec, Interactions, LeaveLastOut, masked_items, sequences
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow
MASK = 1000


def made(lengths, seed=0):
    rng = np.random.default_rng(seed)
    rows = [(user, int(item)) for user, length in enumerate(lengths) for item in rng.integers(0, 40, length)]
    return Interactions.from_pandas(pd.DataFrame(rows, columns=["user", "item"]), user="user", item="item")


@pytest.fixture(scope="module")
def table():
    return made(np.random.default_rng(1).integers(2, 30, 400))


@pytest.fixture(scope="module")
def spec(table):
    return FeatureSpec.fit(table, max_length=20)


def rows_of(batches):
    """Every row of an epoch, padded to one width: history and targets."""
    rows = []
    for inputs, targets, _ in batches.as_numpy_iterator():
        pad = ((0, 0), (21 - targets.shape[1], 0))
        rows.append(np.stack([np.pad(inputs["history"], pad), np.pad(targets, pad)], axis=1))
    return np.concatenate(rows)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("windows", ["newest", "all"])
def test_a_row_is_a_whole_window_with_some_items_masked(table, spec, windows, grouped):
    """The same rows as without masks, the last target included; the targets are exactly the masked items."""
    plain = sequences(table, spec, 32, windows=windows, group_by_length=grouped, shuffle=False)
    masked = masked_items(plain, MASK, probability=0.4, seed=3)
    assert masked.cardinality() == plain.cardinality() > 0
    for (inputs, targets, _), (hidden, asked, weights) in zip(
        plain.as_numpy_iterator(), masked.as_numpy_iterator(), strict=True
    ):
        whole = np.concatenate([inputs["history"], targets[:, -1:]], axis=1)
        is_hidden = hidden["history"] == MASK
        assert hidden["history"].dtype == asked.dtype == np.int32 and weights.dtype == np.float32
        np.testing.assert_array_equal(np.where(is_hidden, asked, hidden["history"]), whole)
        np.testing.assert_array_equal(asked > 0, is_hidden)  # so padding is never hidden
        np.testing.assert_array_equal(weights > 0, is_hidden)
        assert is_hidden.any(axis=1).all()


@pytest.mark.parametrize(("probability", "last_only"), [(0.2, 0.0), (0.6, 0.0), (0.3, 0.5), (1.0, 0.0), (0.5, 1.0)])
def test_items_are_masked_with_the_given_probability(table, spec, probability, last_only):
    batches = masked_items(sequences(table, spec, 64), MASK, probability, last_only)
    rows = np.concatenate([rows_of(batches) for _ in range(8)])
    hidden, items = rows[:, 0] == MASK, (rows[:, 0] > 0).sum(1)
    alone = hidden[:, -1] & (hidden.sum(1) == 1)
    # Rows may mask only the newest item by chance too: if it alone is drawn, or if no item is drawn and it is chosen.
    by_chance = probability * (1 - probability) ** (items - 1) + (1 - probability) ** items / items
    assert alone.mean() == pytest.approx(np.mean(last_only + (1 - last_only) * by_chance), abs=0.02)
    expected = (1 - last_only) * (probability * items + (1 - probability) ** items) + last_only
    assert hidden.sum() / items.sum() == pytest.approx(expected.sum() / items.sum(), abs=0.01)


def test_if_no_item_is_drawn_each_is_masked_with_equal_probability(table, spec):
    rows = rows_of(masked_items(sequences(made([4] * 6000), spec, 500), MASK, probability=1e-6, last_only=0.0))
    assert ((rows[:, 1] > 0).sum(1) == 1).all()
    np.testing.assert_allclose((rows[:, 1, -4:] > 0).mean(0), 0.25, atol=0.03)
    assert not rows[:, 1, :-4].any()


def test_masks_differ_between_epochs_and_are_reproducible(table, spec):
    def epochs(seed):
        still = sequences(table, spec, 64, shuffle=False)
        tf.random.set_seed(0)
        batches = masked_items(still, MASK, seed=seed)
        return rows_of(batches), rows_of(batches)

    first, second = epochs(seed=1)
    again = epochs(seed=1)
    other = epochs(seed=2)
    np.testing.assert_array_equal(again, [first, second])
    for different in (second, other[0]):
        changed = (first[:, 0] == MASK) != (different[:, 0] == MASK)
        assert changed.any(axis=1).mean() > 0.8


def test_weights_give_the_mean_over_masked_items(table, spec):
    for _, targets, weights in masked_items(sequences(table, spec, 32), MASK).as_numpy_iterator():
        values = np.random.default_rng(0).normal(size=targets.shape)
        assert (weights * values).sum() / targets.size == pytest.approx(values[targets > 0].mean(), rel=1e-4, abs=1e-6)


def test_the_remainder_of_a_group_keeps_its_low_weight():
    table = made([10] * 40 + [2])
    spec = FeatureSpec.fit(table, max_length=9)
    plain = sequences(table, spec, 8, group_by_length=True, shuffle=False)
    weighed = [
        [weights.sum() / weights.size for *_, weights in batches.as_numpy_iterator()]
        for batches in (plain, masked_items(plain, MASK))
    ]
    assert weighed[0] == pytest.approx(weighed[1]) and min(weighed[1]) < 0.1


def test_invalid_batches_and_arguments_raise_an_error(table, spec):
    train, valid, _ = table.split(LeaveLastOut())
    with pytest.raises(InputError, match="from Interactions"):
        masked_items(sequences(valid, spec), MASK)
    timed = sequences(train, spec).map(lambda x, y, w: ({**x, "timestamps": x["history"]}, y, w))
    with pytest.raises(InputError, match=r"\['history', 'timestamps'\]"):
        masked_items(timed, MASK)
    for wrong in ({"probability": 0.0}, {"probability": 1.1}, {"last_only": -0.1}):
        with pytest.raises(InputError, match="probability must be"):
            masked_items(sequences(train, spec), MASK, **wrong)


def test_the_mask_id_follows_the_last_item(spec):
    assert spec.mask_id == spec.num_items + 2
