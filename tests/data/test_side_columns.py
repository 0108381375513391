"""Columns of rows that are values of items or users: the newest value is used, and differing values are counted."""

import numpy as np
import pandas as pd
import pytest

from tfrec.data import Examples, FeatureSpec, labelled
from tfrec.data.tables.side_columns import to_side_table
from tfrec.errors import InputError


def rows(**options):
    frame = pd.DataFrame(
        {
            "y": [0, 1, 0, 1, 1],
            "who": list("aabbc"),
            "what": list("xyxyz"),
            "when": [5, 1, 3, 2, 4],
            "genre": ["new", "war", "old", "", None],
            "tags": [["p"], ["q", "r"], ["p"], None, ["s"]],
        }
    )
    return Examples.from_pandas(frame, label="y", user="who", item="what", **options)


@pytest.mark.parametrize("time", ["when", None])
def test_an_item_gets_its_newest_value(time):
    items = pd.DataFrame({"what": ["x", "w"], "price": [1.0, 2.0]})
    found = to_side_table(rows(time=time, items=items), "item", ["genre", "tags"])
    assert "genre" not in found.context and "genre" in rows().context
    genres = found.items["genre"].dropna().to_dict()
    assert genres == {"x": "new" if time else "old", "y": "war"}  # empty cells are ignored
    assert found.items["tags"].dropna().to_dict() == {"x": ["p"], "y": ["q", "r"], "z": ["s"]}
    assert found.items["price"].dropna().to_dict() == {"x": 1, "w": 2}
    which = "newest" if time else "last"
    message = f"'genre' differs between the rows of 1 of 3 items, where the {which} value counts"
    assert found.report.notes[-1] == message and "tags" not in str(found.report.notes)


def test_only_known_rows_define_item_features():
    known = np.array([False, True, True, False, False])
    items = pd.DataFrame({"what": ["x", "w"], "price": [1.0, 2.0]})
    found = to_side_table(rows(time="when", items=items), "item", ["genre", "tags"], known)
    assert found.items["genre"].dropna().to_dict() == {"x": "old", "y": "war"}  # "new" is only in held-back rows
    assert "z" not in found.items.index  # all rows of z are held back
    assert not [note for note in found.report.notes if "differs" in note]


def test_item_columns_without_an_item_id_raise_an_error():
    frame = pd.DataFrame({"y": [0, 1], "genre": ["a", "b"]})
    with pytest.raises(InputError, match=r"no column of items: name it \(item=, on the command line --item"):
        to_side_table(Examples.from_pandas(frame, label="y"), "item", ["genre"])


@pytest.mark.tensorflow
def test_rows_without_an_item_table_get_item_features_from_the_spec():
    trained = to_side_table(rows(), "item", ["genre", "tags"])
    spec = FeatureSpec.fit(trained)
    bare = rows()
    wanted, _ = next(iter(labelled(trained, spec)))
    found, _ = next(iter(labelled(bare, spec)))
    np.testing.assert_array_equal(found["genre"], wanted["genre"])
    assert found["genre"].numpy().max() > 1


@pytest.mark.tensorflow
def test_rows_without_an_item_table_get_features_of_cold_items():
    items = pd.DataFrame({"what": ["x", "y", "z"], "made": ["old", "new", "old"]})
    few = rows(items=items).take(np.array([0, 1]))
    spec = FeatureSpec.fit(few)
    inputs, _ = next(iter(labelled(rows(), spec)))
    assert dict(zip("xyxyz", inputs["made"].numpy(), strict=True))["z"] == inputs["made"].numpy()[0] > 1
