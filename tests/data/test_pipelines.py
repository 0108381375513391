"""Batches hold exactly the rows that the docstring promises, against a slow list of them in plain Python."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tfrec.data import FeatureSpec, Interactions, LeaveLastOut, read, sequences
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow
quick = settings(max_examples=10, deadline=None)

# One list per user; the last one is long enough for all cases.
walks = st.lists(st.lists(st.integers(0, 7), max_size=14), max_size=6).map(lambda walks: [*walks, [1, 2, 1, 3]])
lengths = st.integers(1, 6)


def made(walks):
    frame = pd.DataFrame([(u, i) for u, walk in enumerate(walks) for i in walk], columns=["user", "item"])
    return Interactions.from_pandas(frame, user="user", item="item")


def known_walks(walks, spec):
    """Each user's ids, oldest first, without unknown items."""
    encoded = [spec.items.encode(list(map(str, walk))).tolist() for walk in walks]
    return [[i for i in walk if i > 1] for walk in encoded]


def windows_of(walk, length, windows):
    """Pieces of length + 1 items, overlapping in one, counted from the end."""
    end = len(walk)
    while end >= 2:
        yield walk[max(0, end - length - 1) : end]
        end -= length
        if windows == "newest":
            return


def rows_of(batches):
    """(history, targets) of each row without the padding, with the invariants of a batch checked on the way."""
    rows = []
    for inputs, targets, weights in batches.as_numpy_iterator():
        history = inputs["history"]
        assert history.shape == targets.shape == weights.shape
        assert (np.diff((history > 0).astype(int), axis=1) >= 0).all()  # padding is on the left
        assert ((targets > 0) == (history > 0)).all() and ((weights > 0) == (targets > 0)).all()
        rows += [(tuple(h[h > 0].tolist()), tuple(t[t > 0].tolist())) for h, t in zip(history, targets, strict=True)]
    return rows


@quick
@given(walks, lengths, st.sampled_from(["newest", "all"]), st.integers(1, 5), st.booleans())
def test_rows_are_the_windows_of_each_user(walks, length, windows, batch_size, some_unknown):
    table = made(walks)
    frame = table.to_pandas()
    kept = frame[frame["item"] != frame["item"].iloc[0]] if some_unknown else frame
    spec = FeatureSpec.fit(Interactions.from_pandas(kept, user="user", item="item"), max_length=length)
    pieces = [piece for walk in known_walks(walks, spec) for piece in windows_of(walk, length, windows)]
    assume(pieces)  # without its unknown items
    expected = Counter((tuple(piece[:-1]), tuple(piece[1:])) for piece in pieces)
    assert Counter(rows_of(sequences(table, spec, batch_size, windows))) == expected
    grouped = sequences(table, spec, batch_size, windows, group_by_length=True)
    assert Counter(rows_of(grouped)) == expected
    assert all(inputs["history"].shape[1] <= length for inputs, *_ in grouped)


@quick
@given(walks, lengths)
def test_with_all_windows_each_item_except_the_first_is_a_target_once(walks, length):
    table = made(walks)
    spec = FeatureSpec.fit(table, max_length=length)
    known = known_walks(walks, spec)
    targets = Counter(i for _, row in rows_of(sequences(table, spec, windows="all")) for i in row)
    assert targets == Counter(i for walk in known for i in walk[1:])


@quick
@given(walks, lengths, st.integers(1, 5))
def test_weights_give_the_mean_over_real_targets(walks, length, batch_size):
    table = made(walks)
    spec = FeatureSpec.fit(table, max_length=length)
    for _, targets, weights in sequences(table, spec, batch_size).as_numpy_iterator():
        values = np.random.default_rng(0).normal(size=targets.shape)
        assert (weights * values).sum() / targets.size == pytest.approx(values[targets > 0].mean(), rel=1e-5, abs=1e-6)


def test_a_nearly_empty_group_has_a_low_weight():
    table = made([[1, 2, 3, 4, 5, 6, 7, 0, 1, 2]] * 40 + [[3, 4]])
    spec = FeatureSpec.fit(table, max_length=9)
    sizes = {}
    for _, targets, weights in sequences(table, spec, 8, group_by_length=True).as_numpy_iterator():
        sizes.setdefault(targets.shape[1], []).append(weights.sum() / weights.size)
    short, long = min(sizes), max(sizes)
    assert short < long and max(sizes[short]) < 0.1  # one target where a batch has 72
    assert sizes[long] == pytest.approx([1.0] * len(sizes[long]))


@quick
@given(walks, lengths)
def test_a_holdout_row_has_the_newest_history_and_the_first_target(walks, length):
    table = made(walks)
    train, valid, test = table.split(LeaveLastOut())
    spec = FeatureSpec.fit(train, max_length=length)
    for holdout, back in ((valid, 2), (test, 1)):
        expected = []
        for walk in (walk for walk in walks if len(walk) >= 3):
            *known, target = spec.items.encode(list(map(str, walk[: len(walk) - back + 1]))).tolist()
            known = [i for i in known if i > 1][-length:]
            if known and target > 1:
                expected.append(([0] * (length - len(known)) + known, target))
        if not expected:
            with pytest.raises(InputError):
                sequences(holdout, spec)
            continue
        found = []
        for inputs, targets, weights in sequences(holdout, spec, 4).as_numpy_iterator():
            assert (weights == 1).all()
            found += zip(inputs["history"].tolist(), targets.tolist(), strict=True)
        assert found == expected  # in the order of the users


def test_epochs_are_shuffled_differently_and_reproducibly():
    table = made([[i % 8, (i + 1) % 8, (i * 3) % 8] for i in range(50)])
    spec = FeatureSpec.fit(table, max_length=4)
    batches = sequences(table, spec, 50, seed=3)
    first, second, again = rows_of(batches), rows_of(batches), rows_of(sequences(table, spec, 50, seed=3))
    assert first == again and first != second and Counter(first) == Counter(second)
    still = sequences(table, spec, 50, shuffle=False)
    assert rows_of(still) == rows_of(still)


def test_drop_remainder_keeps_only_full_batches():
    table = made([[1, 2, 3]] * 10)
    spec = FeatureSpec.fit(table, max_length=4)
    assert [len(targets) for _, targets, _ in sequences(table, spec, 4, drop_remainder=True)] == [4, 4]


@pytest.mark.parametrize("replicas", [1, 2])
def test_no_row_is_always_dropped_if_lengths_are_grouped(replicas):
    rng = np.random.default_rng(0)
    walks = [[f"first of {user}", *rng.integers(0, 20, rng.integers(2, 40) ** 2 // 40 + 1)] for user in range(203)]
    table = made(walks)
    spec = FeatureSpec.fit(table, max_length=40)
    batches = sequences(table, spec, 32, group_by_length=True, drop_remainder=True, num_replicas=replicas)
    met = Counter()
    for _ in range(12):
        for inputs, _, _ in batches:
            assert len(inputs["history"]) % replicas == 0
            met.update(inputs["history"].numpy()[inputs["history"].numpy() > 0].tolist())
    firsts = spec.items.encode(np.array([f"first of {user}" for user in range(203)], object))
    assert all(met[one] for one in firsts)
    assert len(list(batches)) == int(batches.cardinality())


def test_drop_remainder_without_full_batches_raises_an_error():
    table = made([[1, 2, 3]] * 3 + [[1, 2, 3, 4, 5]])
    for group in (False, True):
        with pytest.raises(InputError, match="4 rows do not fill a batch of 8"):
            sequences(table, FeatureSpec.fit(table, max_length=4), 8, drop_remainder=True, group_by_length=group)


def test_a_table_without_targets_raises_an_error():
    table = made([[1], [2]])
    with pytest.raises(InputError, match="no user has two items"):
        sequences(table, FeatureSpec.fit(table))
    with pytest.raises(InputError, match="'oldest'"):
        sequences(table, FeatureSpec.fit(table), windows="oldest")


# Time stamps.


@quick
@given(walks, lengths, st.sampled_from(["newest", "all"]), st.booleans(), st.booleans())
def test_timestamps_match_their_items(walks, length, windows, group, some_unknown):
    """Every row is unique here: the time of a row of the table names its item."""
    rows = [(u, i, 1_500_000_000 + 1000 * u + t) for u, walk in enumerate(walks) for t, i in enumerate(walk)]
    frame = pd.DataFrame(rows, columns=["user", "item", "time"])
    table = Interactions.from_pandas(frame, user="user", item="item", time="time")
    kept = frame[frame["item"] != frame["item"].iloc[0]] if some_unknown else frame
    spec = FeatureSpec.fit(Interactions.from_pandas(kept, user="user", item="item"), max_length=length)
    encoded = spec.items.encode(frame["item"].astype(str).to_numpy(object)).tolist()
    item_at = {0: 0, **dict(zip(frame["time"], encoded, strict=True))}
    both = {"inputs": ("history", "timestamps")}
    _, valid, test = table.split(LeaveLastOut())
    for data in (table, valid, test):
        try:
            plain = sequences(data, spec, 4, windows, group, shuffle=False)
        except InputError:  # only unknown items
            continue
        timed = sequences(data, spec, 4, windows, group, shuffle=False, **both)
        for (inputs, *_), (expected, *_) in zip(timed.as_numpy_iterator(), plain.as_numpy_iterator(), strict=True):
            history, stamps = inputs["history"], inputs["timestamps"]
            assert stamps.dtype == np.int64 and (history == expected["history"]).all()
            assert [[item_at[at] for at in row] for row in stamps.tolist()] == history.tolist()
            assert all((np.diff(row[row > 0]) > 0).all() for row in stamps)


def test_milliseconds_become_seconds():
    frame = pd.DataFrame({"u": [1, 1, 1], "i": ["x", "y", "z"], "t": [1.5e12, 1.5e12 + 900, 1.5e12 + 61_000]})
    table = Interactions.from_pandas(frame, user="u", item="i", time="t")
    inputs, *_ = next(iter(sequences(table, FeatureSpec.fit(table, 3), inputs=("history", "timestamps"))))
    assert inputs["timestamps"].numpy().tolist() == [[0, 1_500_000_000, 1_500_000_000]]


def test_timestamps_without_a_time_column_raise_an_error():
    table = made([[1, 2, 3]])
    spec = FeatureSpec.fit(table)
    for data in (table, table.split(LeaveLastOut()).test):
        with pytest.raises(InputError, match=r"reads timestamps.*none.*SASRec"):
            sequences(data, spec, inputs=("history", "timestamps"))
    with pytest.raises(InputError, match="weather"):
        sequences(table, spec, inputs=("history", "weather"))


@pytest.mark.parametrize(("name", "has_times"), [("ml-100k", True), ("ml-latest-small", True), ("ml-1m", False)])
def test_real_tables_have_timestamps_or_raise_an_error(shared_data, name, has_times):
    table = read(shared_data / name)
    spec = FeatureSpec.fit(table, max_length=20)
    if not has_times:
        with pytest.raises(InputError, match="none"):
            sequences(table, spec, inputs=("history", "timestamps"))
        return
    inputs, *_ = next(iter(sequences(table, spec, inputs=("history", "timestamps"))))
    history, stamps = inputs["history"].numpy(), inputs["timestamps"].numpy()
    assert ((stamps > 0) == (history > 0)).all()
    years = pd.to_datetime(stamps[stamps > 0], unit="s").year
    assert years.min() >= 1995 and years.max() <= 2018
