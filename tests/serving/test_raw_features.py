"""The graph encodes raw values like `Feature.encode` does with pandas."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrec.data.features import Categorical, MultiValued, Numeric, Vector
from tfrec.serving.graph.raw_features import RawFeatures, input_names

pytestmark = pytest.mark.tensorflow
TEXTS = ["7", "7.0", "007", "", " ", "Größe", "🎬", "日本", "never seen", "a|b", "a\nb", "x" * 300]


def encoded(feature, rows, folder):
    """Encode with the graph, as traced in an export."""
    features = RawFeatures([feature], folder)
    (one,) = features.inputs
    read = tf.function(
        lambda rows: features.read({one.name: rows}, tf.shape(rows)[0])[feature.column],
        input_signature=[tf.TensorSpec(one.shape, one.dtype)],
        autograph=False,
    )
    return read(tf.constant(rows, one.dtype)).numpy()


def equal(feature, rows, folder, cells=None):
    found = encoded(feature, rows, folder)
    column = np.empty(len(rows), object)
    for row, cell in enumerate(rows if cells is None else cells):
        column[row] = cell
    wanted = feature.encode(pd.Series(column))
    assert found.dtype == wanted.dtype and found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)
    return found


@pytest.mark.parametrize("more", [{}, {"min_count": 2}, {"hash_buckets": 1000}])
def test_categorical(more, tmp_path):
    feature = Categorical("device", group="user", **more).fit(pd.Series(["7", "7", 7.0, "Größe", "🎬", "🎬", " "]))
    found = equal(feature, TEXTS, tmp_path)
    assert found[3] == 0 and found[10] == 0  # empty, and values that no vocabulary can contain
    if not more:
        assert found[0] > 1 and found[1] == found[2] == 1  # "7.0" is not how 7 is written


def test_numbers_are_sent_as_the_pandas_side_prints_them(tmp_path):
    """A column of 7.0 has the value "7"; so has a column of 7."""
    for column in ([7.0, 8.5], [7, 8], ["7", "8.5"]):
        feature = Categorical("code", group="user").fit(pd.Series(column))
        assert encoded(feature, ["7"], tmp_path) == feature.encode(pd.Series([7.0]))


def test_an_empty_vocabulary_gives_only_unseen_ids(tmp_path):
    feature = Categorical("device", group="user", min_count=9).fit(pd.Series(["tv", "tv"]))
    assert equal(feature, ["tv", ""], tmp_path).tolist() == [1, 0]


@pytest.mark.parametrize("more", [{}, {"hash_buckets": 50}])
def test_multivalued(more, tmp_path):
    feature = MultiValued("genres", group="user", max_values=3, **more).fit(pd.Series(["Drama|War", "War|🎬", "War"]))
    rows = [
        ["War", "🎬", "Drama", "War", ""],
        ["", "", "Drama", "", "unseen"],
        ["", "", "", "", ""],
        ["a\nb", "War", "War", "War", "🎬"],
        [" War", "war", "Drama|War", "7.0", "🎬"],
    ]
    found = equal(feature, rows, tmp_path)
    assert (found[2] == 0).all() and found[1, 2] == 0
    equal(feature, [row[:1] for row in rows], tmp_path)
    assert encoded(feature, np.zeros((2, 0), object), tmp_path).tolist() == [[0] * 3] * 2


@pytest.mark.parametrize("scaling", ["standard", "log"])
def test_numeric(scaling, tmp_path):
    random = np.random.default_rng(0)
    values = pd.Series(np.exp(random.normal(0, 3, 200)))
    feature = Numeric("price", group="context", scaling=scaling).fit(values)
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -3e38, 1e-30]
    rows = np.concatenate([random.normal(0, 100, 500), odd]).astype(np.float32)
    found, wanted = encoded(feature, rows, tmp_path), feature.encode(pd.Series(rows.astype(float)))
    np.testing.assert_allclose(found, wanted, rtol=2e-7)  # a last bit
    assert np.isnan(found[-8:-5]).all() and np.abs(found[:-8]).max() <= 10 and found[-3] == 10


def test_equal_numbers_in_training(tmp_path):
    feature = Numeric("same", group="user").fit(pd.Series([3.0, 3.0]))
    np.testing.assert_array_equal(encoded(feature, [3.0, 4.0, np.nan], tmp_path), [0, 1, np.nan])


def test_vector(tmp_path):
    feature = Vector("text", group="user").fit(pd.Series([[1.0, 2.0]]))
    found = equal(feature, [[1.5, -2.0], [np.nan, 1.0], [np.inf, 0.0], [0.0, 0.0]], tmp_path)
    assert np.isnan(found[1:3]).all() and np.isfinite(found[[0, 3]]).all()
    assert RawFeatures([feature], tmp_path).inputs[0].shape == (None, 2)  # another width is refused


def test_one_row_applies_to_all_and_omitted_features_are_missing(tmp_path):
    features = [
        Categorical("a", group="user").fit(pd.Series(["x"])),
        MultiValued("b", group="user").fit(pd.Series(["x|y"])),
        Numeric("c", group="user").fit(pd.Series([1.0, 2.0])),
        Vector("d", group="user").fit(pd.Series([[1.0, 2.0]])),
    ]
    graph = RawFeatures(features, tmp_path)
    none = graph.read({}, tf.constant(3))
    for feature in features:
        np.testing.assert_array_equal(none[feature.column], feature.absent(3))
    assert graph.read({"a": tf.constant(["x"])}, tf.constant(3))["a"].numpy().tolist() == [2, 2, 2]
    with pytest.raises(tf.errors.InvalidArgumentError, match="a must have as many rows as history, or one row for all"):
        graph.read({"a": tf.constant(["x", "x"])}, tf.constant(3))


def test_inputs_have_names_that_a_signature_can_have():
    columns = ["age", "zip code", "zip-code", "history", "1st", "Größe", "raw_bytes", "_x", "class"]
    names = input_names([Categorical(column) for column in columns])
    assert list(names) == columns and len(set(names.values())) == len(columns)
    assert names["age"] == "age" and all(name.isidentifier() and name[0].isalpha() for name in names.values())
    assert not {"history", "class"} & set(names.values()) and not any(
        name.endswith("_bytes") for name in names.values()
    )
