"""Labelled rows: dropped rows are counted, and splits do not overlap."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tfrec.data import ByTime, Examples, FeatureSpec, Interactions, LeaveLastOut, Numeric, Random
from tfrec.errors import InputError


def table(rows=100, **kwargs):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "label": rng.integers(0, 2, rows),
            "who": rng.integers(0, 9, rows),
            "what": rng.integers(0, 20, rows),
            "when": rng.permutation(rows),
            "hour": rng.integers(0, 24, rows),
        }
    )
    return Examples.from_pandas(frame, label="label", user="who", item="what", time="when", **kwargs)


def test_unusable_rows_are_counted():
    frame = pd.DataFrame({"y": [1, "no", 0, np.inf, 1], "who": ["a", "b", None, "c", "d"], "t": [1, 2, 3, 4, "x"]})
    found = Examples.from_pandas(frame, label="y", user="who", time="t")
    assert len(found) == 1 and found.report.rows_kept == 1
    assert found.report.dropped == {
        "no number in 'y'": 2,
        "no usable user id in 'who'": 1,
        "no readable time in 't'": 1,
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"label": "clicked"}, "has no column 'clicked'"),
        ({"label": "y", "context": ["hour"]}, "has no column 'hour'"),
        ({"label": "y", "users": pd.DataFrame({"who": [1]})}, "side table of users"),
        ({"label": "text"}, "All 2 rows were dropped"),
    ],
)
def test_invalid_tables_raise_an_error(arguments, says):
    with pytest.raises(InputError, match=says):
        Examples.from_pandas(pd.DataFrame({"y": [0, 1], "text": ["a", "b"]}), **arguments)


def test_a_random_split_is_complete_disjoint_and_reproducible():
    rows = table()
    split = rows.split(Random(valid=0.1, test=0.2, seed=3))
    times = [part.times for part in (split.train, split.valid, split.test)]
    assert [len(part) for part in times] == [70, 10, 20]
    assert sorted(np.concatenate(times)) == list(range(100))
    again = rows.split(Random(valid=0.3, test=0.2, seed=3))
    np.testing.assert_array_equal(again.test.times, split.test.times)  # for any share of validation rows


def test_a_split_by_time_has_no_later_rows_in_an_earlier_part():
    split = table().split(ByTime(0.6, 0.8))
    assert split.train.times.max() < split.valid.times.min() <= split.valid.times.max() < split.test.times.min()
    assert len(split.train) + len(split.valid) + len(split.test) == 100


def test_invalid_split_rules_raise_an_error():
    with pytest.raises(InputError, match="Random, ByTime or Fixed"):
        table().split(LeaveLastOut())
    with pytest.raises(InputError, match="sum to less than 1"):
        table().split(Random(0.5, 0.5))
    with pytest.raises(InputError, match="too few"):
        table(rows=3).split(Random(0.1, 0.1))


def test_ratings_become_clicks_at_a_threshold():
    frame = pd.DataFrame({"u": [1, 1, 2], "i": [5, 6, 5], "r": [3.0, 4.0, 5.0]})
    ratings = Interactions.from_pandas(frame, user="u", item="i", weight="r")
    assert Examples.from_interactions(ratings, positive=4).labels.tolist() == [0, 1, 1]
    assert Examples.from_interactions(ratings).labels.tolist() == [3, 4, 5]
    with pytest.raises(InputError, match="no ratings"):
        Examples.from_interactions(Interactions.from_pandas(frame, user="u", item="i"))


def test_the_hash_covers_labels_ids_and_context():
    rows = table()
    same, other = rows.take(np.arange(100)), rows.take(np.arange(99, -1, -1))
    assert rows.sha256() == same.sha256() != other.sha256()


def test_the_content_hash_covers_times_side_tables_and_whole_vectors():
    users = pd.DataFrame({"who": np.arange(9), "age": np.arange(9.0)})
    items = pd.DataFrame({"what": np.arange(20), "text": list(np.zeros((20, 2000), np.float32))})
    rows = table(users=users, items=items)
    other = np.zeros((20, 2000), np.float32)
    other[3, 1000] = 1  # in the middle, which printing leaves out
    changed = [
        dataclasses.replace(rows, times=rows.times[::-1].copy()),
        dataclasses.replace(rows, times=None),
        table(users=users.assign(age=1.0), items=items),
        table(users=users, items=items.assign(text=list(other))),
        table(users=users),
    ]
    assert all(one.sha256() == rows.sha256() for one in changed)
    hashes = [one.content_sha256() for one in [rows, *changed]]
    assert len(set(hashes)) == len(hashes) and rows.take(np.arange(100)).content_sha256() == hashes[0]


def test_labels_may_be_booleans_and_column_names_may_be_numbers():
    frame = pd.DataFrame({0: ["True", "false", "maybe", None], 1: [7, 8, 9, 9], 2: list("abab")})
    items = pd.DataFrame({1: [7, 8], 5: ["x", "y"]})
    found = Examples.from_pandas(frame, label=0, item=1, items=items)
    assert found.labels.tolist() == [1, 0] and found.report.dropped == {"no number in '0'": 2}
    assert found.context.columns.tolist() == ["2"] and found.items["5"].to_dict() == {"7": "x", "8": "y"}
    with pytest.raises(InputError, match="Columns by table: user: none; item: 5, item_count; context: 2"):
        FeatureSpec.fit(found, features=[Numeric("3")])
    with pytest.raises(InputError, match="several columns named 5"):
        Examples.from_pandas(frame, label=0, item=1, items=items.assign(**{"5": 1}))


@pytest.mark.filterwarnings("error")
def test_labels_must_fit_float32_and_must_not_be_dates():
    frame = pd.DataFrame({"y": [1e39, 5, -np.inf, 1], "when": pd.to_datetime(["2020-01-01"] * 4), "u": 1, "i": 2})
    found = Examples.from_pandas(frame, label="y")
    assert found.labels.tolist() == [5, 1] and found.report.dropped == {"no number in 'y'": 2}
    assert Interactions.from_pandas(frame, user="u", item="i", weight="y").weights.tolist() == [5, 1]
    for dates in (frame, frame.astype({"when": object}), frame.assign(when=frame["when"].dt.date)):
        with pytest.raises(InputError, match=r"'when' holds dates, such as 2020-01-01.*expected labels or ratings"):
            Examples.from_pandas(dates, label="when")
        with pytest.raises(InputError, match="'when' holds dates"):
            Interactions.from_pandas(dates, user="u", item="i", weight="when")
