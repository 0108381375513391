"""Times of any type keep their order; columns without an order raise an error."""

import datetime
import decimal
import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrec.data import Categorical, Examples, FeatureSpec, History, Interactions, Numeric, labelled
from tfrec.data.tables.calendar_times import is_missing
from tfrec.data.tables.label_numbers import label_numbers
from tfrec.data.tables.timestamps import parse_times, unix_seconds
from tfrec.errors import InputError

NOW = 1_600_000_000
NANOS = NOW * 10**9
RATES = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
AS = {
    "int": lambda values: pd.Series(values),
    "float": lambda values: pd.Series(values, dtype=float),
    "text": lambda values: pd.Series([str(value) for value in values]),
    "object": lambda values: pd.Series([*values, None], dtype=object),
    "Int64": lambda values: pd.Series([*values, None], dtype="Int64"),
    "arrow": lambda values: pd.Series([*values, None], dtype=pd.ArrowDtype(pa.int64())),
    "decimal": lambda values: pd.Series([decimal.Decimal(value) for value in values]),
    "category": lambda values: pd.Series([str(value) for value in values]).astype("category"),
}


def order(column):
    """The items of one user in the order of their times, missing ones left out."""
    frame = pd.DataFrame({"u": 1, "i": [f"i{place}" for place in range(len(column))], "t": column})
    table = Interactions.from_pandas(frame, user="u", item="i", time="t")
    return [int(item[1:]) for item in table.item_ids[table.item_codes]]


# --- units


@pytest.mark.parametrize("form", AS)
@pytest.mark.parametrize("units", itertools.combinations(RATES, 2), ids="-".join)
def test_two_units_in_a_column_raise_an_error_with_their_counts(units, form):
    first, second = units
    times = [NOW * RATES[first], (NOW + 86400) * RATES[second], (NOW + 172800) * RATES[first]]
    with pytest.raises(InputError, match=rf"'t' mixes {first} \(2 rows\) with {second} \(1 row\)\. Convert"):
        parse_times(AS[form](times).rename("t"))


def test_the_error_counts_all_three_units():
    times = pd.Series([NOW, NOW * 10**3, NOW * 10**3, NOW * 10**9], name="t")
    with pytest.raises(InputError, match=r"seconds \(1 row\) with milliseconds \(2 rows\) with nanoseconds \(1 row\)"):
        parse_times(times)


@pytest.mark.parametrize(
    "times",
    [
        [20170131, 20170131235959],
        [20170131235959, NOW],
        [20170131235959, NOW * 1000],
        [20170131, NOW * 1000],
    ],
)
def test_dates_as_numbers_mixed_with_other_formats_raise_an_error(times):
    with pytest.raises(InputError, match=r"mixes dates written YYYYMMDD.*1 row"):
        parse_times(pd.Series(times))


@pytest.mark.parametrize(
    "times",
    [
        [1, 2, 3],
        [0, 1, 2, NOW],
        [0, NOW, NOW + 5],
        range(0, 10**10, 10**7),
        *(np.arange(0, 50 * 365 * 24, 7 * 24) * 3600 * rate for rate in RATES.values()),  # weeks since 1970
        *(np.arange(-300, 700) * 2_600_000 * rate for rate in RATES.values()),  # months from 1945 on
        np.linspace(0, 5e12, 1000),  # an unknown unit
    ],
    ids=str,
)
def test_counters_and_decades_in_one_unit_are_accepted(times):
    found, notes = parse_times(pd.Series(list(times)))
    assert found.tolist() == list(times) and notes == ()


@pytest.mark.tensorflow
@pytest.mark.parametrize("take", ["earlier", "all"])
def test_rows_in_another_unit_than_the_known_rows_raise_an_error(take):
    frame = pd.DataFrame({"y": [0, 1, 1], "u": [1, 1, 2], "i": list("abc"), "t": [NOW, NOW + 9, NOW + 5]})
    known = Examples.from_pandas(frame, label="y", user="u", item="i", time="t")
    asked = Examples.from_pandas(frame.assign(t=frame.t * 1000), label="y", user="u", item="i", time="t")
    spec = FeatureSpec.fit(known, features=[Categorical("user")], history=History(3, take=take))
    with pytest.raises(InputError, match=r"known rows have times in seconds, but the rows.* in milliseconds"):
        labelled(asked, spec, known=known)
    labelled(known, spec, known=known)


# --- large numbers


@pytest.mark.parametrize("form", [form for form in AS if form != "float"])
def test_integers_too_large_for_floats_keep_their_order(form):
    times = [NANOS + 200, NANOS + 100, NANOS + 300, NANOS]
    assert order(AS[form](times)) == [3, 1, 0, 2]
    found, notes = parse_times(AS[form](times))
    assert found[:4].tolist() == times and found.dtype == np.int64 and is_missing(found[4:]).all() and not notes


def test_dates_less_than_a_microsecond_apart_keep_their_order():
    counts = np.array([NANOS + 200, NANOS + 100, NANOS + 300, NANOS])
    texts = [f"2020-09-13T12:26:40.0000{digits}Z" for digits in ("002", "001", "003", "000")]
    for column in (pd.Series(counts.astype("datetime64[ns]")), pd.Series(texts)):
        assert order(column) == [3, 1, 0, 2]
        found, notes = parse_times(column.rename("t"))
        assert found.tolist() == counts.tolist()
        assert notes == ("the times in 't' are kept in nanoseconds since 1970: some are less than a microsecond apart",)
        assert unix_seconds(found).tolist() == [NOW] * 4


def test_rows_that_differ_by_nanoseconds_are_not_duplicates():
    frame = pd.DataFrame({"u": 1, "i": "a", "t": [NANOS, NANOS + 1, NANOS]})
    table = Interactions.from_pandas(frame, user="u", item="i", time="t")
    assert table.times.tolist() == [NANOS, NANOS + 1] and table.report.dropped == {"duplicate of another row": 1}


def test_floats_that_cannot_keep_an_order_get_a_note():
    for times in ([float(NANOS), NANOS + 1024.0], [2**63 + 5000, NANOS * 2], [2**70, 2**69]):
        _, (note,) = parse_times(pd.Series(times, name="t", dtype=object if max(times) > 2**64 else None))
        assert "'t' holds numbers above 2**53" in note and "count as equal" in note


@settings(max_examples=50)
@given(st.lists(st.integers(-(2**62), 2**62).map(lambda time: time | 2**53), min_size=1, max_size=20))
def test_integers_of_any_size_are_sorted_and_ties_keep_their_order(times):
    column = pd.Series(times, dtype=object)
    try:
        found = parse_times(column)[0]
    except InputError as error:
        assert "mixes" in str(error)
        return
    assert found.tolist() == times
    kept = list(dict.fromkeys(sorted(range(len(times)), key=lambda place: times[place])))
    assert order(column) == kept


# --- types


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series(pd.to_timedelta([3, None, 1.5], unit="s")), [3, None, 1.5]),
        (pd.Series([datetime.timedelta(days=1), None, np.timedelta64(5, "s")], dtype=object), [86400, None, 5]),
        (pd.Series([datetime.timedelta(1), None], dtype=pd.ArrowDtype(pa.duration("ms"))), [86400, None]),
        (pd.Series(pd.PeriodIndex(["1970-02", "1970-01", None], freq="M")), [31 * 86400, 0, None]),
        (pd.Series(pd.PeriodIndex(["1971", "1970"], freq="Y").astype(object), dtype=object), [365 * 86400, 0]),
        (pd.Series([datetime.date(1970, 1, 2), None], dtype=pd.ArrowDtype(pa.date32())), [86400, None]),
        (pd.Series([2, 1], dtype=pd.ArrowDtype(pa.timestamp("s", "UTC"))), [2, 1]),
        (pd.Series(pd.to_datetime(["1970-01-02"])).dt.tz_localize("Asia/Tokyo"), [15 * 3600]),
        (pd.Series([decimal.Decimal("1.5"), None], dtype=pd.ArrowDtype(pa.decimal128(9, 2))), [1.5, None]),
        (pd.Series(pd.to_datetime(["1970-01-02", None])).astype("category"), [86400, None]),
        (pd.Series([b"12", b"1970"]), [12, 1970]),
    ],
    ids=str,
)
def test_the_dtype_decides_how_times_are_read(column, expected):
    found, _ = parse_times(column)
    assert [None if missing else time for time, missing in zip(found, is_missing(found), strict=True)] == expected


def test_durations_and_periods_are_noted():
    (note,) = parse_times(pd.Series(pd.to_timedelta([1]), name="t"))[1]
    assert note == "the durations in 't' are read as seconds"
    (note,) = parse_times(pd.Series(pd.period_range("2020", periods=2, freq="M"), name="t"))[1]
    assert note == "the periods in 't' are read as their start times"


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ([True, False], "True and False"),
        ([True, None], "True and False"),
        ([1 + 2j], "complex numbers"),
        (pd.interval_range(0, 2), "intervals"),
        ([datetime.time(1, 2)], "times of day without a date"),
    ],
)
def test_values_that_are_not_times_raise_an_error(column, what):
    with pytest.raises(InputError, match=f"'t' holds {what}: expected numbers, or dates in the ISO 8601 form"):
        parse_times(pd.Series(column, name="t"))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.to_timedelta([1, 2])),
        pd.Series([datetime.timedelta(1), None], dtype=pd.ArrowDtype(pa.duration("ms"))),
        pd.Series(pd.period_range("2020", periods=2, freq="M")),
    ],
    ids=["timedelta", "arrow", "period"],
)
def test_durations_and_periods_as_labels_or_numeric_features_raise_an_error(column):
    with pytest.raises(InputError, match="holds dates"):
        label_numbers(column)
    with pytest.raises(InputError, match="has dates"):
        Numeric("x").fit(column)
    with pytest.raises(InputError, match="holds dates"):
        Numeric("x").fit(pd.Series([1, 2])).encode(column)


def test_arrow_decimals_with_gaps_are_numbers():
    column = pd.Series([decimal.Decimal("1.5"), None], dtype=pd.ArrowDtype(pa.decimal128(9, 2)))
    np.testing.assert_array_equal(label_numbers(column), [1.5, np.nan])
    assert np.isnan(Numeric("x").fit(column).encode(column)[1])
