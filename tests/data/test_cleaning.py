"""An invalid table raises a helpful error, or its dropped rows are counted."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfrec.data import Examples, Interactions
from tfrec.data.tables.ids import encode_ids
from tfrec.errors import InputError


def table(user, item, time=None, **options):
    columns = {"user": user, "item": item} | ({} if time is None else {"time": time})
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    named = {"user": "user", "item": "item", "time": None if time is None else "time"}
    return Interactions.from_pandas(frame, **{**named, **options})


def ids_of(values):
    codes, ids = encode_ids(pd.Series(values, dtype=object))
    return [None if code < 0 else ids[code] for code in codes]


# --- columns


def test_missing_columns_raise_an_error_that_names_the_existing_ones():
    frame = pd.DataFrame({"userId": [1], "movieId": [2]})
    with pytest.raises(InputError, match=r"no column for user='user', time='when'.*columns are: userId, movieId"):
        Interactions.from_pandas(frame, user="user", item="movieId", time="when")
    with pytest.raises(InputError, match=r"context column device='device'"):
        Interactions.from_pandas(frame, user="userId", item="movieId", context=["device"])


def test_columns_of_the_same_name_raise_an_error():
    frame = pd.DataFrame([[1, 2, 3]], columns=["user", "item", "item"])
    with pytest.raises(InputError, match=r"same name: .'item'"):
        Interactions.from_pandas(frame, user="user", item="item")


def test_an_empty_table_raises_an_error():
    with pytest.raises(InputError, match="no rows"):
        table([], [])


# --- ids


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([7, 7.0, "7", np.int64(7), np.float32(7), b"7"], ["7"] * 6),
        (["007", "7"], ["007", "7"]),
        (["a b", " a b", "a,b", 'say "hi"', "it's", "a\tb"], ["a b", " a b", "a,b", 'say "hi"', "it's", "a\tb"]),
        (["Zürich", "北京", "🎬", "é", "e\u0301"], ["Zürich", "北京", "🎬", "é", "e\u0301"]),
        ([None, float("nan"), pd.NA, pd.NaT, "", float("inf")], [None] * 6),
        (["a\nb", "a\rb", "a\x00b"], [None] * 3),
        ([2**63 + 1, -5, 0, 1.5], ["9223372036854775809", "-5", "0", "1.5"]),
    ],
)
def test_one_spelling_for_each_id(raw, expected):
    assert ids_of(raw) == expected


@given(st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=5), st.floats()), max_size=30))
def test_every_id_becomes_a_string_without_line_breaks(raw):
    for before, after in zip(raw, ids_of(raw), strict=True):
        if after is None:
            assert before is None or before == "" or not str(before).isprintable() or not np.isfinite(before)
        else:
            assert after and "\n" not in after and "\r" not in after
            assert not isinstance(before, str) or after == before


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "category", "string", "float64"])
def test_ids_may_have_any_dtype(dtype):
    values = pd.Series(["7", None, "8"] if dtype in ("category", "string") else [7, None, 8], dtype=dtype)
    codes, ids = encode_ids(values)
    assert codes.tolist() == [0, -1, 1] and ids.tolist() == ["7", "8"]


def test_lists_as_ids_raise_an_error():
    with pytest.raises(InputError, match="'item' must be numbers or strings"):
        table([1, 2], [[1], [2]])


def test_unusable_ids_are_counted():
    result = table([1, None, "", 2, None], [5, 5, 5, float("nan"), None])
    assert result.report.dropped == {"no usable user id in 'user'": 3, "no usable item id in 'item'": 1}
    assert result.report.rows_read == 5 and result.report.rows_kept == len(result) == 1


# --- times


def test_rows_are_sorted_by_user_and_time():
    result = table(["b", "a", "b", "a"], ["x", "y", "z", "x"], [2, 9, 1, 3])
    frame = result.to_pandas()
    assert frame["user"].tolist() == ["b", "b", "a", "a"]
    assert frame["item"].tolist() == ["z", "x", "x", "y"]


def test_equal_times_keep_the_order_of_the_source():
    assert table([1] * 4, ["d", "a", "c", "b"], [5] * 4).to_pandas()["item"].tolist() == ["d", "a", "c", "b"]


def test_without_times_no_row_is_a_duplicate():
    assert len(table([1, 1], ["x", "x"])) == 2


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([3, "2", 1.5], [1.5, 2, 3]),
        (["1970-01-02", "1970-01-01T00:00:01Z", "1970-01-01 02:00:02+02:00"], [1, 2, 86400]),
        ([datetime.date(1970, 1, 2), pd.Timestamp(1, unit="s"), datetime.datetime(1970, 1, 1)], [0, 1, 86400]),
    ],
)
def test_times_of_all_formats_are_read(times, expected):
    assert table([1] * 3, list("abc"), times).times.tolist() == expected


@pytest.mark.parametrize(
    "times", [[20170131, 20170201, None], ["20170131", "20170201", ""], [20170131.0, 20170201, None]]
)
def test_integers_that_look_like_dates_are_read_as_dates(times):
    """As seconds since 1970, 31 January and 1 February would be 70 seconds apart."""
    result = table([1] * 3, list("abc"), times)
    assert result.times.tolist() == [pd.Timestamp(day, tz="UTC").timestamp() for day in ("2017-01-31", "2017-02-01")]
    assert "note: the whole numbers in 'time' are read as dates, YYYYMMDD" in str(result.report)
    labelled = Examples.from_pandas(
        pd.DataFrame({"y": [0, 1], "day": [20170131235959, 19691231000000]}), "y", time="day"
    )
    assert labelled.times.tolist() == [pd.Timestamp("2017-01-31T23:59:59Z").timestamp(), -86400]
    assert labelled.report.notes == ("the whole numbers in 'day' are read as dates, YYYYMMDDHHMMSS",)


@pytest.mark.parametrize(
    "times", [[20170131, 20170132], [20170131, 1.5e9], [20170131.5, 20170201], [18991231, 19000101]]
)
def test_numbers_that_are_not_all_dates_stay_numbers(times):
    result = table([1] * 2, list("ab"), times)
    assert result.times.tolist() == sorted(times) and not result.report.notes


def test_unreadable_times_are_counted():
    result = table([1] * 5, list("abcde"), ["5", "soon", None, "inf", ""])
    assert result.report.dropped == {"no readable time in 'time'": 4}


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["5", "2020-01-01"], r"mixes numbers \(1 rows\) with dates \(1 rows, for instance '2020-01-01'\)"),
        ([1_600_000_000, 1_600_000_000_000], "mixes seconds .* with milliseconds"),
        (["11/12/2019 2:14 PM", "10/12/2019 2:14 PM"], r"'11/12/2019 2:14 PM'.*--date-format"),
        ([None, None], "All 2 rows were dropped.*no readable time in 'time': 2"),
    ],
)
def test_times_without_an_order_raise_an_error(times, message):
    with pytest.raises(InputError, match=message):
        table([1, 1], ["a", "b"], times)


# --- duplicates, thresholds, rare users and items


def test_duplicates_have_the_same_user_item_and_time():
    result = table(["a", "a", "a", "b"], ["x", "x", "x", "x"], [1, 1, 2, 1])
    assert result.report.dropped == {"duplicate of another row": 1}


def test_a_dropped_row_does_not_make_another_row_a_duplicate():
    frame = pd.DataFrame({"u": [1, 1], "i": [5, 5], "t": [3, 3], "w": [1, 5]})
    result = Interactions.from_pandas(frame, user="u", item="i", time="t", weight="w", min_weight=4)
    assert result.weights.tolist() == [5]
    assert result.report.dropped == {"'w' below 4": 1}


def test_weights_that_are_not_numbers_are_counted():
    frame = pd.DataFrame({"u": [1] * 4, "i": list("abcd"), "w": ["4", "good", None, "inf"]})
    result = Interactions.from_pandas(frame, user="u", item="i", weight="w")
    assert result.weights.tolist() == [4] and result.report.dropped == {"no number in 'w'": 3}
    with pytest.raises(InputError, match="needs a weight"):
        Interactions.from_pandas(frame, user="u", item="i", min_weight=3)


def test_k_core_is_reached():
    # Item z is dropped, so user c is dropped, so item y has fewer than two rows, so user b is dropped.
    result = table(list("aaabbcc"), list("wxwwyyz"), min_user_count=2, min_item_count=2)
    frame = result.to_pandas()
    assert frame.groupby("user").size().min() >= 2 and frame.groupby("item").size().min() >= 2
    assert set(frame["user"]) == {"a"} and set(frame["item"]) == {"w"}
    assert len(frame) + sum(result.report.dropped.values()) == 7


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_every_row_is_kept_or_counted(rows, least_user, least_item):
    users, items = zip(*rows, strict=True)
    try:
        result = table(users, items, min_user_count=least_user, min_item_count=least_item)
    except InputError as error:
        assert "were dropped" in str(error)
        return
    frame = result.to_pandas()
    assert frame.groupby("user").size().min() >= least_user and frame.groupby("item").size().min() >= least_item
    assert len(frame) + sum(result.report.dropped.values()) == len(rows)
    assert set(result.user_ids) == set(frame["user"]) and set(result.item_ids) == set(frame["item"])


def test_users_with_one_interaction_are_kept_by_default():
    assert table(["a", "b", "b"], ["x", "x", "y"]).num_users == 2
    result = table(["a", "b", "b"], ["x", "x", "y"], min_user_count=2)
    assert result.user_ids.tolist() == ["b"]
    assert result.report.dropped == {"user with fewer than 2 rows": 1}


def test_if_all_rows_are_dropped_the_error_names_every_cause():
    with pytest.raises(
        InputError, match=r"All 2 rows were dropped.*no usable user id.*1; user with fewer than 2 rows: 1"
    ):
        table([None, 1], [5, 6], min_user_count=2)


def test_the_table_is_immutable():
    with pytest.raises(ValueError, match="read-only"):
        table([1], [2]).item_codes[0] = 5


# --- side tables


def test_a_side_table_keeps_the_first_row_of_an_id():
    items = pd.DataFrame({"name": ["x", "y", "z"], "item": [5.0, 5, None]})
    result = table([1], [5], items=items)
    assert result.items.to_dict() == {"name": {"5": "x"}}
    assert "2 rows without a usable id or repeating one" in str(result.report)


def test_a_side_table_without_columns_raises_an_error():
    with pytest.raises(InputError, match="side table of items has no columns"):
        table([1], [5], items=pd.DataFrame())
