"""Tables of other libraries, names of columns, and side tables that do not fit: the same as from a file."""

import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tfrec.data import Examples, FeatureSpec, Interactions, read
from tfrec.data.tables.ids import encode_ids
from tfrec.errors import InputError

LARGE = 2**53
COLUMNS = {"u": [1, 2, None], "i": [LARGE + 1, LARGE, LARGE], "y": [1.0, 0.0, 1.0], "t": [3, 1, 2]}
FRAME = pd.DataFrame({"u": [1, 1, 2], "i": ["a", "b", "c"], "y": [0, 1, 1], "t": [1, 2, 3]})


class Stream:
    """A table with the Arrow stream interface, as in polars."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class Interchange:
    """A table of the dataframe interchange protocol."""

    def __init__(self, table):
        self._table = table

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        return self._table.__dataframe__(nan_as_null, allow_copy)


TABLES = {
    "arrow": pa.table,
    "batch": lambda columns: pa.RecordBatch.from_pydict(columns),
    "reader": lambda columns: pa.table(columns).to_reader(),
    "stream": lambda columns: Stream(pa.table(columns)),
    "interchange": lambda columns: Interchange(pa.table(columns)),
}


def interactions(table, **options):
    return Interactions.from_pandas(table, user="u", item="i", **options)


def examples(table, **options):
    return Examples.from_pandas(table, label="y", user="u", item="i", **options)


# --- tables


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize("build", [interactions, examples])
def test_tables_of_other_libraries_are_read_with_their_large_ids(build, form):
    items = {"i": [LARGE, LARGE + 1], "title": ["Heat", "Nico"]}
    table = build(TABLES[form](COLUMNS), time="t", items=TABLES[form](items))
    assert sorted(table.item_ids[table.item_codes]) == [str(LARGE), str(LARGE + 1)]
    assert table.items["title"].to_dict() == {str(LARGE): "Heat", str(LARGE + 1): "Nico"}
    assert table.report.dropped == {"no usable user id in 'u'": 1} and table.report.notes == ()


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ({"u": [1], "i": [2], "y": [1]}, "dict"),
        ([{"u": 1, "i": 2, "y": 1}], "list"),
        (np.ones((2, 3)), "ndarray"),
        (pd.Series([1, 2]), "Series"),
        (pa.chunked_array([[1, 2]]), "ChunkedArray"),
        (None, "NoneType"),
        (pd.DataFrame, "type"),
        ("ratings.csv", r"str\. Read a file with tfrec\.data\.read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("build", [interactions, examples])
def test_a_value_that_is_not_a_table_raises_an_error(build, table, name):
    with pytest.raises(InputError, match=rf"expected a pandas DataFrame, got {name}"):
        build(table)
    if table is not None:
        with pytest.raises(InputError, match=rf"side table of items: expected a pandas DataFrame, got {name}"):
            build(FRAME, items=table)


@pytest.mark.parametrize("build", [interactions, examples])
def test_several_levels_of_column_names_raise_an_error(build):
    with pytest.raises(InputError, match="has 2 levels of column names"):
        build(pd.concat({"a": FRAME}, axis=1))


# --- roles


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"user": "u", "item": "u"}, "'u' is named as both user and item"),
        ({"user": "u", "item": "i", "time": "i"}, "'i' is named as both item and time"),
        ({"user": "u", "item": "i", "weight": "u"}, "'u' is named as both user and weight"),
        ({"user": "u", "item": "i", "time": "t", "weight": "t"}, "'t' is named as both time and weight"),
        ({"user": ["u"], "item": "i"}, r"user must be the name of one column, got \['u'\]"),
        ({"user": "u", "item": "i", "context": "y"}, "list of column names, got the string 'y'"),
        ({"user": "u", "item": "i", "context": ["y", "y"]}, "names the column 'y' twice"),
    ],
)
def test_a_column_with_two_roles_raises_an_error(roles, message):
    with pytest.raises(InputError, match=message):
        Interactions.from_pandas(FRAME, **roles)
    labelled = {"label": roles.get("weight", "t")} | roles
    labelled.pop("weight", None)
    if roles.get("time") != "t":
        with pytest.raises(InputError, match=message.replace("user and weight", "label and user")):
            Examples.from_pandas(FRAME, **labelled)


def test_a_label_named_as_context_raises_an_error():
    with pytest.raises(InputError, match="label 'y' is also named as context"):
        examples(FRAME, context=["t", "y"])
    assert interactions(FRAME, time="t", context=["t"]).context["t"].tolist() == [1, 2, 3]


# --- side tables


@pytest.mark.parametrize("build", [interactions, examples])
@pytest.mark.parametrize("what", ["items", "users"])
def test_a_side_table_without_common_ids_raises_an_error(build, what):
    column = what[0]
    strangers = pd.DataFrame({column: [f"x{number}" for number in range(25)], "year": range(25)})
    message = (
        rf"side table of {what} has none of the {what}: its ids, for instance 'x0', .*'{column}'.* such as '(a|1)'"
    )
    with pytest.raises(InputError, match=message):
        build(FRAME, **{what: strangers})
    with pytest.raises(InputError, match=rf"side table of {what} has none of the {what}: its ids are read"):
        build(FRAME, **{what: strangers[:0]})


@pytest.mark.parametrize("build", [interactions, examples])
def test_missing_ids_of_a_side_table_are_counted(build):
    items = pd.DataFrame({"i": ["a", "x", "y"], "year": [1, 2, 3]})
    table = build(FRAME, items=items, users=pd.DataFrame({"u": [2, 1, 9], "age": [1, 2, 3]}))
    assert table.report.notes == ("side table of items: it lacks 2 of the 3 items; 2 of its items are not in the rows",)
    more = Examples.from_interactions(interactions(FRAME, weight="y", items=items))
    assert more.report.notes == table.report.notes


def test_an_unusable_side_table_of_a_publishers_folder_is_ignored(tmp_path):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,7,5,1\n1,8,5,2\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n901,Heat,Crime\n")
    table = read(tmp_path)
    assert table.items is None and len(table) == 2
    assert "the side table of items is ignored: it has none of the items" in str(table.report)
    with pytest.raises(InputError, match=r"movies\.csv has none of the items: its ids, for instance '901'"):
        read(tmp_path / "ratings.csv", items=tmp_path / "movies.csv")


# --- ids


@pytest.mark.parametrize(
    ("values", "rows", "bits"),
    [
        (np.array([LARGE, LARGE + 1, 7], float), "2 ids in 'i' are floats", 53),
        (np.array([2**24, 2**24 + 1, 7], np.float32), "2 ids in 'i' are floats", 24),
        (pd.array([float(LARGE), None, 5.0], "Float64"), "1 id in 'i' is a float", 53),
        (np.array([float(LARGE), "x", LARGE + 1], object), "1 id in 'i' is a float", 53),
    ],
)
@pytest.mark.parametrize("build", [interactions, examples])
def test_float_ids_that_may_have_merged_get_a_note(build, values, rows, bits):
    frame = pd.DataFrame({"u": [1, 1, 1], "i": values, "y": [1, 0, 1]})
    note = f"{rows} above 2**{bits}, where different ids become equal: give integers or strings"
    assert build(frame).report.notes == (note,)
    as_side = build(FRAME.assign(i=["7", "5", "x"]), items=frame[["i", "y"]]).report.notes
    assert as_side[0] == note.replace("'i'", "the side table of items")


def test_large_integer_and_string_ids_get_no_note():
    for values in ([LARGE + 1, LARGE], [str(LARGE + 1), str(LARGE)], [2.0**52, 1.5]):
        table = interactions(pd.DataFrame({"u": 1, "i": values}))
        assert table.num_items == 2 and table.report.notes == ()


def test_integer_decimals_become_integer_ids():
    codes, ids = encode_ids([decimal.Decimal("7.00"), 7, decimal.Decimal("NaN"), decimal.Decimal("1.5")])
    assert codes.tolist() == [0, 0, -1, 1] and ids.tolist() == ["7", "1.5"]


@pytest.mark.tensorflow
def test_cold_items_of_tables_of_other_libraries():
    items = pa.table({"i": ["a", "b", "c", "d"], "year": [1, 2, 3, 4]})
    spec = FeatureSpec.fit(examples(FRAME, items=items))
    assert spec.cold.ids.tokens.tolist() == ["d"]
