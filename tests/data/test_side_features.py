"""Features of users and items for retrieval models: fitted on the training part, kept by id."""

import numpy as np
import pandas as pd
import pytest

from tfrec.data import (
    Categorical,
    FeatureSpec,
    History,
    Interactions,
    LeaveLastOut,
    MultiValued,
    Numeric,
    Vector,
    side_features,
)
from tfrec.errors import InputError

FEATURES = [Categorical("job"), Numeric("age"), MultiValued("genres"), Numeric("year"), Vector("text", group="item")]


@pytest.fixture(scope="module")
def table():
    rows = pd.DataFrame({"u": list("aaabbbcc"), "i": list("xyzxyzxy"), "message": "w"})
    users = pd.DataFrame({"u": ["a", "b", "d"], "job": ["cook", None, "spy"], "age": [20.0, 40, 80]})
    items = pd.DataFrame(
        {
            "i": ["x", "y", "z", "new"],
            "genres": ["War|Drama", "War", None, "Noir"],
            "year": [1990, 2000, 2010, 1900],
            "text": [[0.5, 1], [1, 2], None, [3, 3]],
        }
    )
    return Interactions.from_pandas(rows, user="u", item="i", context=["message"], users=users, items=items)


def test_features_are_fitted_on_training_users_and_items_and_kept_by_id(table, tmp_path):
    train = table.split(LeaveLastOut()).train  # a: x; b: x; c has too few rows to hold back
    spec = FeatureSpec.fit(train, users=True, features=FEATURES)
    assert [(one.group, one.column) for one in spec.features] == [
        ("user", "job"),
        ("user", "age"),
        ("item", "genres"),
        ("item", "year"),
        ("item", "text"),
    ]
    job = spec.user_features["job"]
    at = spec.users.encode(["a", "b", "c"])
    assert job[at].tolist() == [2, 0, 0] and len(job) == spec.num_users + 2  # cook; no job; not in the side table
    assert np.isnan(spec.user_features["age"][[0, 1, at[2]]]).all()
    x, y = spec.items.encode(["x", "y"])
    genres = spec.item_features["genres"]
    assert set(genres[x]) == {2, 3} and genres[y].tolist()[1] == 0 and genres[0].tolist() == [0, 0]
    assert np.isnan(spec.item_features["text"][[0, 1]]).all() and spec.item_features["text"][x].tolist() == [0.5, 1]
    spec.save(tmp_path)
    again = FeatureSpec.load(tmp_path)
    for name in ("user_features", "item_features"):
        mine, loaded = getattr(spec, name), getattr(again, name)
        assert list(mine) == list(loaded)
        for column, values in mine.items():
            np.testing.assert_array_equal(values, loaded[column])
    assert again.model_features() == spec.model_features() and again.vocabulary_hashes == spec.vocabulary_hashes
    (tmp_path / "user_features.npz").write_bytes((tmp_path / "item_features.npz").read_bytes())
    with pytest.raises(InputError):
        FeatureSpec.load(tmp_path)


def test_all_side_columns_can_be_taken(table):
    assert [one.column for one in side_features(table)] == ["age", "genres", "year", "text"]  # job has few values
    assert FeatureSpec.fit(table, users=True).features == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": FEATURES}, "'job' of users needs a user vocabulary: pass users=True"),
        ({"features": [Numeric("message")], "users": True}, "'message' is a column of the interactions"),
        ({"features": [Categorical("user")], "users": True}, "'user' is an input of retrieval models itself"),
        ({"features": [Numeric("height")], "users": True}, "'height' is in no table"),
        ({"history": History()}, "A history rule needs labelled rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_features_raise_an_error(table, arguments, message):
    with pytest.raises(InputError, match=message):
        FeatureSpec.fit(table, **arguments)
