"""What missing and unseen values mean, for every kind of feature, in memory and on disk."""

import tracemalloc
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from tfrec.data import Categorical, Examples, FeatureSpec, History, MultiValued, Numeric, Vector
from tfrec.data.features import Tokens, infer_features, unread_columns
from tfrec.errors import InputError

NOTHING = [None, np.nan, "", float("inf")]


def test_missing_unseen_and_rare_categories_have_reserved_ids():
    feature = Categorical("c", min_count=2).fit(pd.Series(["x", "x", 7, 7.0, "7", "rare", None]))
    assert feature.encode(pd.Series(["7", 7, 7.0, "x", "rare", "new", *NOTHING], dtype=object)).tolist() == [
        2, 2, 2, 3, 1, 1, 0, 0, 0, 0,
    ]  # fmt: skip
    assert feature.model_feature()["size"] == 4


def test_a_date_is_the_same_category_in_parquet_and_csv():
    feature = Categorical("day").fit(
        pd.to_datetime(pd.Series(["2020-01-02", "2020-01-02", "2020-01-01T10", None]), format="ISO8601")
    )
    assert feature.encode(pd.Series(["2020-01-02", "2020-01-01 10:00:00", None])).tolist() == [2, 3, 0]
    with pytest.raises(InputError, match="The ids of 'c' must be numbers or strings"):
        Categorical("c").fit(pd.Series([{"a": 1}], name="other"))


def test_a_hash_is_stable_and_stays_in_its_buckets():
    feature = Categorical("c", hash_buckets=10).fit(pd.Series(["a"]))
    ids = feature.encode(pd.Series([f"v{n}" for n in range(200)]))
    assert set(ids) == set(range(2, 12)) and feature.model_feature()["size"] == 12
    np.testing.assert_array_equal(ids, feature.encode(pd.Series([f"v{n}" for n in range(200)])))
    assert feature.encode(pd.Series([None, "v1"]))[0] == 0


def test_multiple_values_are_cut_and_padded():
    feature = MultiValued("g", max_values=2).fit(pd.Series(["a|b|c", "a|b", "a"]))
    assert feature.encode(pd.Series(["c|b|a", ["a"], "", None, "?"])).tolist() == [
        [4, 3], [2, 0], [0, 0], [0, 0], [1, 0],
    ]  # fmt: skip


def test_a_number_is_the_same_category_for_every_dtype():
    cells = [7, 7.0, np.float32(7), "7", [7], [7.0], np.array([7.0, np.nan]), {7}, b"7"]
    for kind in (MultiValued, Categorical):
        feature = kind("c").fit(pd.Series([7, 8, 7]))
        given = [cell for cell in cells if kind is MultiValued or (np.ndim(cell) == 0 and not isinstance(cell, set))]
        assert set(feature.encode(pd.Series(given, dtype=object)).ravel().tolist()) == {2}, kind
    gaps = MultiValued("c").fit(pd.Series([7.0, None, 0.5, np.inf]))
    assert gaps.tokens.vocabulary.tokens.tolist() == ["0.5", "7"]
    assert gaps.encode(pd.Series(["7|0.5", "7.0"])).tolist() == [[3], [1]]  # texts are not converted, as for ids


@pytest.mark.parametrize("scaling", ["standard", "log"])
def test_numbers_are_standardised_and_missing_values_are_nan(scaling):
    raw = np.random.default_rng(0).exponential(100, 1000)
    raw[::10] = np.nan
    found = Numeric("n", scaling=scaling).fit(pd.Series(raw)).encode(pd.Series(raw))
    assert np.isnan(found[::10]).all() and np.isfinite(np.delete(found, np.s_[::10])).all()
    assert abs(np.nanmean(found)) < 1e-5 and abs(np.nanstd(found) - 1) < 0.05  # some are clipped at ten deviations


def test_constant_and_empty_numeric_columns_are_encoded():
    for values in ([5.0, 5.0], [None, "x"]):
        found = Numeric("n").fit(pd.Series(values)).encode(pd.Series([5.0, None, 1e30]))
        assert np.isnan(found[1]) and np.abs(found[[0, 2]]).max() <= 10


def test_vectors_of_a_wrong_width_raise_an_error():
    feature = Vector("v").fit(pd.Series([[1, 2], [3, 4]]))
    assert np.isnan(feature.encode(pd.Series([[1, np.nan], None]))).all()
    with pytest.raises(InputError, match="has 3 numbers: expected 2"):
        feature.encode(pd.Series([[1, 2, 3]]))
    with pytest.raises(InputError, match="no vectors"):
        Vector("v").fit(pd.Series(["a"]))
    with pytest.raises(InputError, match=r"2 .in 1 rows., 3 .in 2 rows. numbers: expected 3 in each"):
        Vector("v").fit(pd.Series([[1, 2], [1, 2, 3], [4, 5, 6]]))
    for cell in (["a", "b"], [[1], [2, 3]], [[1], [2]]):
        with pytest.raises(InputError, match="expected 2 numbers"):
            feature.encode(pd.Series([cell]))


def test_titles_and_constants_are_left_out_of_inferred_features():
    table = pd.DataFrame({"title": [f"t{n}" for n in range(200)], "one": ["x"] * 200, "kind": ["a", "b"] * 100})
    assert [one.column for one in infer_features(table, "item")] == ["kind"]


def kinds(**columns):
    """The kind of each column, or why it is not read."""
    table = pd.DataFrame(columns)
    return {one.column: one.kind for one in infer_features(table, "item")} | unread_columns(table)


def test_the_kind_of_a_column_is_inferred_from_all_its_cells():
    found = kinds(
        gaps=pd.Series([2**40, None, 7], dtype=object),
        money=[Decimal("1.50"), None, Decimal("2")],
        flag=pd.Series([True, None, False], dtype=object),
        tags=[[3], [3, 7], []],
        many=[np.array([3, 1]), np.array([3]), None],
        floats=[[0.5, 1.0], [1, 2], None],
        ids=[np.array([1, 2]), np.array([3, 4]), np.array([5, 6])],
        words=[["a"], ["a", "b"], None],
        sets=[{"a"}, {"b", "a"}, set()],
        bytes=[b"a", b"b", None],
    )
    assert found == {
        "gaps": "numeric", "money": "numeric", "flag": "categorical", "tags": "multivalued", "many": "multivalued",
        "floats": "vector", "ids": "vector", "words": "multivalued", "sets": "multivalued",
        "bytes": "categorical",
    }  # fmt: skip


def test_integers_in_columns_named_like_ids_are_categorical():
    numbers = [n % 7 for n in range(100)]
    ids = {name: numbers for name in ("id", "category_id", "adId", "Campaign ID", "shop-id", "X2ID")}
    counts = {name: numbers for name in ("bid", "humid", "paid", "ids", "AVOID")}
    assert kinds(**ids, **counts) == dict.fromkeys(ids, "categorical") | dict.fromkeys(counts, "numeric")
    gaps = kinds(with_id=[3.0, None, 4.0], part_id=[0.5, 1.5, 2.5])
    assert gaps == {"with_id": "categorical", "part_id": "numeric"}
    assert "nearly all different" in kinds(row_id=list(range(200)))["row_id"]


def test_every_unread_column_has_a_reason():
    found = kinds(
        struct=[{"a": 1}, {"a": 2}, None],
        deep=[[[1], [2]], [[3]], None],
        mixed=[["a"], 3, None],
        stamp=pd.to_datetime(["2020-01-01", "2020-01-02", None]),
        day=[pd.Timestamp("2020-01-01").date(), pd.Timestamp("2020-01-02").date(), None],
        text=["2020-01-01", "2020-01-02 10:00:00", None],
        one=[[], [], None],
        **{"Unnamed: 0": [0, 1, 2], "__index_level_0__": [0, 1, 2], "a/b": [1, 2, 3]},
        huge=[1e308, -1e308, 1.0],
        late=1.7e9 + np.array([0.1, 0.2, 0.4]),
        picture=[b"\xff\xd8", b"\x80", None],
        some=["x", b"\x80", None],
    )
    parts = {
        "struct": "type dict: make a column of each", "deep": "nested lists", "mixed": "other values",
        "stamp": "has dates", "day": "has dates", "text": "has dates", "one": "has no value", "a/b": "rename it",
        "Unnamed: 0": "the index", "__index_level_0__": "the index", "huge": "2 numbers outside the range",
        "late": "subtract an offset", "picture": "holds bytes", "some": "holds bytes",
    }  # fmt: skip
    assert found.keys() == parts.keys()
    assert all(part in found[name] for name, part in parts.items()), found
    notes = pd.Series([str(n) for n in range(200)] + ["old"] * 3).astype(str)
    assert "numbers except in 3 cells, for instance 'old'" in kinds(age=notes)["age"]


def test_a_bar_in_few_texts_is_not_a_separator():
    texts = [f"t{n % 100}" for n in range(400)]
    assert kinds(a=[*texts[:-1], "x | y"])["a"] == "categorical"
    assert kinds(a=[*texts[:-1], "t1|t2"])["a"] == "multivalued"  # both come again
    assert kinds(a=["Drama|War", "War", "Crime|Noir", "Noir"])["a"] == "multivalued"


def test_nested_lists_raise_an_error_and_sets_have_a_fixed_order():
    feature = MultiValued("g").fit(pd.Series([{"b", "a", "c"}, {"c"}]))
    assert feature.encode(pd.Series([{"b", "c", "a"}])).tolist() == [[3, 4, 2]]
    for cell in ([["a"], ["b"]], {"a": 1}):
        with pytest.raises(InputError, match="expected one list of values"):
            MultiValued("g").fit(pd.Series([cell]))


def test_numbers_are_rounded_to_float32_as_on_a_server():
    raw = pd.Series(1.7e9 + np.arange(0, 5000, 7.0))
    feature = Numeric("at").fit(raw)
    np.testing.assert_array_equal(feature.encode(raw), feature.encode(raw.astype(np.float32)))
    tiny = Numeric("p").fit(pd.Series([1e-12, 2e-12])).encode(pd.Series([1e-12, 2e-12]))
    np.testing.assert_allclose(tiny, [-1, 1], rtol=1e-5)
    noise = Numeric("n").fit(pd.Series([0.3, 0.1 + 0.2]))  # equal but for how float64 writes it
    assert np.abs(noise.encode(pd.Series([0.3, 0.1 + 0.2]))).max() < 1
    for values, says in (
        ([1e308, 2e307], "2 numbers outside the range of float32"),
        (
            1.7e9 + np.arange(30.0),
            r"differ by about 8\.66 around 1700000014.5, but float32 has steps of 128 there: subtract",
        ),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), "has dates"),
    ):
        with pytest.raises(InputError, match=says):
            Numeric("n").fit(pd.Series(values))
    assert np.isnan(feature.encode(pd.Series([1e300]))).all()  # as a server reads it


def test_one_long_text_does_not_increase_the_memory_of_short_texts():
    texts = [*"bbcca", "ü", "x" * 200_000, *(f"v{n}" for n in range(20_000))]
    tracemalloc.start()
    tokens = Tokens.fit(texts, 1, None)
    assert tracemalloc.get_traced_memory()[1] < 2**28  # all as wide as the longest: 16 GB
    tracemalloc.stop()
    assert tokens.vocabulary.tokens[:2].tolist() == ["b", "c"]
    assert tokens.vocabulary.tokens[2:].tolist() == sorted(tokens.vocabulary.tokens[2:])


def test_a_column_with_a_slash_raises_an_error():
    with pytest.raises(InputError, match="'a/b' cannot be a feature: it has a"):
        Categorical("a/b")


def examples():
    users = pd.DataFrame({"who": ["ann", "bob"], "age": [20, None]})
    items = pd.DataFrame({"what": ["x", "y", "z"], "genres": ["a|b", None, "c"], "v": [[1.0, 0.0], [0.0, 1.0], None]})
    frame = pd.DataFrame(
        {"y": [1, 0, 1, 5], "who": ["ann", "ann", "bob", "cy"], "what": list("xyxx"), "hour": [1, 2, None, 4]}
    )
    return Examples.from_pandas(frame, label="y", user="who", item="what", users=users, items=items)


def test_a_spec_with_features_survives_saving(tmp_path):
    spec = FeatureSpec.fit(examples(), history=History(3, item_features=("genres",), with_label=True))
    spec.save(tmp_path)
    loaded = FeatureSpec.load(tmp_path)
    assert loaded.model_features() == spec.model_features() and loaded.history == spec.history
    assert loaded.label_levels == (0, 1, 5)
    for name, values in spec.item_features.items():
        np.testing.assert_array_equal(loaded.item_features[name], values)
    assert [tuple(one.to_json().items()) for one in loaded.features] == [
        tuple(one.to_json().items()) for one in spec.features
    ]


def test_a_spec_with_modified_arrays_raises_an_error(tmp_path):
    spec = FeatureSpec.fit(examples())
    spec.save(tmp_path)
    with np.load(tmp_path / "item_features.npz") as arrays:
        cut = {name: values[:-1] for name, values in arrays.items()}
    np.savez(tmp_path / "item_features.npz", **cut)
    with pytest.raises(InputError, match=r"item_features.npz has .* expected"):
        FeatureSpec.load(tmp_path)


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ([Numeric("wage")], "'wage' is in no table"),
        ([Numeric("age"), Categorical("age")], "two features named 'age'"),
        ([Categorical("history")], "'history' is reserved for model inputs"),
        ([Numeric("age", group="item")], "'age' of group 'item' is in no table"),
    ],
)
def test_missing_and_ambiguous_features_raise_an_error(features, says):
    with pytest.raises(InputError, match=says):
        FeatureSpec.fit(examples(), features=features)


def test_item_features_of_a_history_must_exist():
    with pytest.raises(InputError, match="refers to 'age'"):
        FeatureSpec.fit(examples(), history=History(3, item_features=("age",)))
