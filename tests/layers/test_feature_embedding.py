import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import FeatureEmbedding

D = 3
FEATURES = [
    {"name": "item", "kind": "categorical", "group": "item", "size": 6},
    {"name": "genres", "kind": "multivalued", "group": "item", "size": 5, "length": 2},
    {"name": "year", "kind": "numeric", "group": "item"},
    {"name": "text", "kind": "vector", "group": "item", "dim": 4},
    {"name": "history", "kind": "sequence", "group": "history", "length": 3, "of": "item"},
    {"name": "history_genres", "kind": "sequence", "group": "history", "length": 3, "of": "genres"},
    {"name": "history_year", "kind": "sequence", "group": "history", "length": 3, "of": "year"},
    {"name": "history_label", "kind": "sequence", "group": "history", "length": 3, "size": 4},
]
NAN = np.nan
INPUTS = {
    "item": np.array([2, 0], "int32"),
    "genres": np.array([[3, 0], [0, 0]], "int32"),
    "year": np.array([0.5, NAN], "float32"),
    "text": np.array([[1, 2, 3, 4], [1, NAN, 3, 4]], "float32"),
    "history": np.array([[0, 2, 5], [0, 0, 0]], "int32"),
    "history_genres": np.array([[[0, 0], [1, 4], [2, 0]], [[0, 0]] * 3], "int32"),
    "history_year": np.array([[NAN, -1, 2], [NAN] * 3], "float32"),
    "history_label": np.array([[0, 3, 1], [0, 0, 0]], "int32"),
}


def made(features=FEATURES, seed=0, **kwargs):
    """A built layer whose weights are all far from where they begin."""
    layer = FeatureEmbedding(features, D, **kwargs)
    layer.build()
    return drawn(layer, seed, 1.0)


def oracle(layer, name, value):
    """The formula of the docstring for one value of one feature, in float64."""
    weights = {w.name: ops.convert_to_numpy(w).astype("float64") for w in layer.weights}
    feature = next(one for one in FEATURES if one["name"] == name)
    source = feature.get("of") or name
    if f"{source}_map" in weights:
        missing = np.isnan(value).any()
        return weights[f"{source}_missing"] if missing else value @ weights[f"{source}_map"] + weights[f"{source}_bias"]
    table = weights[f"{source}_table"]
    return np.mean([table[one] for one in value if one] or [table[0]], axis=0) if np.ndim(value) else table[value]


@pytest.mark.parametrize("name", INPUTS)
def test_equals_the_formula(name):
    layer, values = made(), INPUTS[name]
    found = ops.convert_to_numpy(layer(INPUTS)[name])
    is_sequence = name.startswith("history")
    places = list(np.ndindex(*values.shape[: 2 if is_sequence else 1]))
    expected = [oracle(layer, name, np.atleast_1d(values[at]) if "year" in name else values[at]) for at in places]
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), atol=1e-5)
    assert found.shape == layer.compute_output_shape({name: values.shape})[name]


@pytest.mark.tensorflow
def test_missing_values_give_no_nan_in_gradients():
    import tensorflow as tf

    layer = made()
    with tf.GradientTape() as tape:
        total = sum(tf.reduce_sum(vectors) for vectors in layer(INPUTS).values())
    for weight, gradient in zip(layer.weights, tape.gradient(total, [w.value for w in layer.weights]), strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all() and gradient.any(), weight.path


def test_sequences_share_the_table_of_their_feature():
    names = {w.name for w in made().weights}
    assert {name for name in names if name.endswith("table")} == {"item_table", "genres_table", "history_label_table"}
    alone = made([FEATURES[0], FEATURES[4]])({"history": INPUTS["history"]})  # the table exists only for the sequence
    assert list(alone) == ["history"]
    with pytest.raises(ValueError, match="The input 'item' is missing"):
        made()({"year": INPUTS["year"]})


def test_all_kinds_start_at_the_same_scale_with_different_values():
    layer = FeatureEmbedding([{**FEATURES[0], "size": 500}, {**FEATURES[3], "dim": 500}], 8, scale=0.01, seed=1)
    layer.build()
    starts = {weight.name: weight for weight in layer.weights}
    table, vector_map = (ops.convert_to_numpy(starts[name]) for name in ("item_table", "text_map"))
    np.testing.assert_allclose([table.std(), vector_map.std()], 0.01, rtol=0.05)
    assert np.abs(table - vector_map).max() > 0.01
    nothing = FeatureEmbedding(FEATURES, 1, scale=0.0)
    assert not any(ops.convert_to_numpy(vectors).any() for vectors in nothing(INPUTS).values())


@pytest.mark.tensorflow
def test_half_precision_casts_the_looked_up_rows_and_not_the_table():
    import tensorflow as tf

    layer = made(dtype="mixed_float16")
    with tf.GradientTape() as tape:
        vectors = layer(INPUTS)["item"]
        total = tf.reduce_sum(tf.cast(vectors, "float32"))
    assert vectors.dtype == "float16"
    table = next(w for w in layer.weights if w.name == "item_table")
    assert isinstance(tape.gradient(total, table.value), tf.IndexedSlices)


def test_survives_its_config():
    layer = made(regularizer="l2", scale=0.1, seed=3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
