"""Items without training rows keep their features from the side table, as in the evaluation."""

import json

import numpy as np
import pandas as pd
import pytest

from tfrec.data import Categorical, Examples, FeatureSpec, History, Interactions, MultiValued, Numeric, Vector, labelled
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow

FEATURES = [
    Categorical("country"),
    Categorical("maker", hash_buckets=7),
    MultiValued("genres"),
    Numeric("year"),
    Vector("text"),
    Numeric("item_count", scaling="log"),
]
IDS = [1, 2, 3, "Größe", "a,b", 6]


def rows(items, times):
    films = pd.DataFrame({"film": IDS, "title": ["One", "Two", None, "Four", 'F"ive', "Six"]})
    films["country"] = ["at", "be", "at", "be", "never in training", None]
    films["maker"] = [7, 8, 9, None, 8, 7]
    films["genres"] = ["a|b", "b", None, "b|a|new", ["a"], ""]
    films["year"] = [1950.0, 1990, 2000, 1970, None, 3e9]
    films["text"] = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, -1.0], None, [np.nan, 1.0]]
    frame = pd.DataFrame({"label": [1.0] * len(items), "who": ["ann"] * len(items), "film": items, "when": times})
    return Examples.from_pandas(frame, label="label", user="who", item="film", time="when", items=films)


@pytest.fixture(scope="module")
def spec():
    return FeatureSpec.fit(rows([1, 2, 3, 1], range(4)), features=FEATURES, history=History(3))


def test_cold_items_are_encoded_as_in_evaluation(spec):
    assert spec.num_items == 3 and spec.cold.ids.tokens.tolist() == ["Größe", "a,b", "6"]
    test = rows([*IDS, "nowhere"], range(10, 17))
    inputs, _ = next(iter(labelled(test, spec, known=rows([1, 2, 3, 1], range(4)))))
    at = spec.item_rows(test.item_ids[test.item_codes])
    assert np.unique(at).tolist() == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_array_equal(np.where(at < 2 + spec.num_items, at, 1), inputs["item"])
    for one in FEATURES:
        np.testing.assert_array_equal(spec.item_features[one.column][at], inputs[one.column])
    unseen = {name: values[1] for name, values in spec.item_features.items()}
    assert (spec.item_features["item_count"][5:] == unseen["item_count"]).all()
    assert spec.item_features["year"][5] != spec.item_features["year"][6]


def test_model_sizes_count_only_known_items(spec):
    sizes = {one["name"]: one.get("size") for one in spec.model_features()}
    assert sizes["item"] == 2 + 3 and "Größe" not in spec.items and len(spec.titles) == 3
    assert spec.title_of("Größe") == "Four" and spec.title_of("1") == "One"
    assert spec.title_of("3") == "3" and spec.title_of("nowhere") == "nowhere"


def test_cold_items_survive_saving(spec, tmp_path):
    spec.save(tmp_path)
    again = FeatureSpec.load(tmp_path)
    assert again.cold.ids == spec.cold.ids and again.cold.titles == spec.cold.titles == ["Four", 'F"ive', "Six"]
    for name, values in spec.item_features.items():
        np.testing.assert_array_equal(again.item_features[name], values)
    assert again.items == spec.items and again.titles == spec.titles


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("vocabularies/cold_items.txt", "cold_items.txt has 2 items, spec.json says 3"),
        ("cold_items.csv", "cold_items.csv has 2 items, spec.json says 3"),
        ("item_features.npz", r"item_features.npz has .* expected"),
        ("both", "has items that are also in item.txt"),
    ],
)
def test_inconsistent_files_raise_an_error(part, message, spec, tmp_path):
    spec.save(tmp_path)
    if part == "both":
        ids = tmp_path / "vocabularies" / "cold_items.txt"
        ids.write_text(ids.read_text("utf-8").replace("6", "1"), "utf-8")
    elif part.endswith("npz"):
        with np.load(tmp_path / part) as arrays:
            cut = {name: values[:-1] for name, values in arrays.items()}
        np.savez(tmp_path / part, **cut)
    else:
        lines = (tmp_path / part).read_text("utf-8").splitlines(keepends=True)
        (tmp_path / part).write_text("".join(lines[:-1]), "utf-8")
    with pytest.raises(InputError, match=message):
        FeatureSpec.load(tmp_path)


def test_a_spec_saved_by_an_older_version_has_no_cold_items(spec, tmp_path):
    spec.with_cold_items(None).save(tmp_path)
    assert json.loads((tmp_path / "spec.json").read_text("utf-8"))["format"] == 2
    assert not list(tmp_path.rglob("cold*"))
    again = FeatureSpec.load(tmp_path)
    assert len(again.cold) == 0 and again.item_rows(["6", "1"]).tolist() == [1, 2]
    assert all(len(values) == 5 for values in again.item_features.values())


def test_with_cold_items_replaces_the_cold_items(spec):
    films = pd.DataFrame({"year": [1990.0, 1950.0], "title": ["New", "Another One"]}, index=["new", "1"])
    more = spec.with_cold_items(films)
    assert more.cold.ids.tokens.tolist() == ["new"] and more.title_of("new") == "New" and more.title_of("1") == "One"
    (at,) = more.item_rows(["new"])
    assert more.item_features["year"][at] == more.item_features["year"][more.item_rows(["2"])[0]]
    assert more.item_features["country"][at] == 0 and np.isnan(more.item_features["text"][at]).all()
    np.testing.assert_array_equal(more.item_features["year"][:5], spec.item_features["year"][:5])
    odd = pd.DataFrame({"year": [1970, 1980, 1990, 2000]}, index=[99.0, "99", None, 1])
    assert spec.with_cold_items(odd).cold.ids.tokens.tolist() == ["99"]
    with pytest.raises(InputError, match="no features"):
        table = Interactions.from_pandas(pd.DataFrame({"u": [1], "i": ["x"]}), user="u", item="i")
        FeatureSpec.fit(table).with_cold_items(films)
