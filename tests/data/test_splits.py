"""Splits: no row after a cut is before it in the split, and no row is lost."""

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tfrec.data import ByTime, Interactions, LeaveLastOut
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow
quick = settings(max_examples=30, deadline=None)

rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(0, 9)), max_size=40).map(
    lambda rows: [*rows, *((0, item, time) for item, time in enumerate([0, 3, 5, 9]))]  # one user has enough rows
)


def made(rows, time="time"):
    """A table with the number of each row as context."""
    frame = pd.DataFrame(rows, columns=["user", "item", "time"]).assign(row=range(len(rows)))
    return Interactions.from_pandas(frame, user="user", item="item", time=time, context=["row"])


def numbers(part):
    return part.context["row"].tolist()


@quick
@given(rows, st.sampled_from(["time", None]))
def test_leave_last_out_keeps_all_rows_and_holds_back_the_newest(rows, time):
    table = made(rows, time)
    train, valid, test = table.split(LeaveLastOut())
    assert sorted(numbers(train) + numbers(valid.targets) + numbers(test.targets)) == sorted(numbers(table))
    assert numbers(valid.history) == numbers(train)
    assert sorted(numbers(test.history)) == sorted(numbers(train) + numbers(valid.targets))
    by_user = table.to_pandas().groupby("user", sort=False)["row"].apply(list)
    frames = [part.to_pandas() for part in (train, valid.targets, test.targets)]
    for user, mine in by_user.items():
        in_order = [frame.loc[frame["user"] == user, "row"].tolist() for frame in frames]
        assert in_order == ([mine[:-2], mine[-2:-1], mine[-1:]] if len(mine) >= 3 else [mine, [], []])


@quick
@given(rows)
def test_targets_of_leave_last_out_are_not_older_than_the_history(rows):
    for holdout in made(rows).split(LeaveLastOut())[1:]:
        newest = holdout.history.to_pandas().groupby("user")["time"].max()
        asked = holdout.targets.to_pandas()
        assert (asked["time"].to_numpy() >= newest[asked["user"]].to_numpy()).all()


@quick
@given(rows, st.sampled_from([(0.5, 0.8), (0.3, 0.95), (1, 4), (3, 9), (5, 6)]))
def test_a_split_by_time_leaks_no_later_rows(rows, marks):
    table, as_times = made(rows), marks[0] >= 1
    try:
        train, valid, test = table.split(ByTime(*marks))
    except InputError:
        assume(False)
    for holdout in (valid, test):
        if len(holdout):
            assert holdout.history.times.max() < holdout.targets.times.min()
        assert set(holdout.targets.user_codes) <= set(holdout.history.user_codes)
    assert numbers(valid.history) == numbers(train)
    # Each row is on one side of each cut; targets are all later rows of the known users.
    behind = sorted(set(numbers(table)) - set(numbers(test.history)))
    known = set(test.history.user_codes)
    user_of = dict(zip(numbers(table), table.user_codes, strict=True))
    assert sorted(numbers(test.targets)) == [row for row in behind if user_of[row] in known]
    assert set(numbers(train)) < set(numbers(test.history))
    if as_times:
        assert (train.times < marks[0]).all() and (test.history.times < marks[1]).all()
        assert (valid.targets.times >= marks[0]).all() and (test.targets.times >= marks[1]).all()


def test_too_short_a_table_raises_an_error_that_says_what_is_needed():
    with pytest.raises(InputError, match="three interactions"):
        made([(0, 1, 1), (0, 2, 2), (1, 1, 3)]).split(LeaveLastOut())


def test_a_split_by_time_needs_times_ordered_cuts_and_no_empty_part():
    rows = [(0, i, i) for i in range(10)]
    with pytest.raises(InputError, match="time column"):
        made(rows, time=None).split(ByTime())
    with pytest.raises(InputError, match=r"valid=0\.9, test=0\.8"):
        made(rows).split(ByTime(0.9, 0.8))
    with pytest.raises(InputError, match="part empty"):
        made(rows).split(ByTime(5, 100))
