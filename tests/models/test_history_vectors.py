"""The pairing of events and candidate that DIN, DIEN and BST share."""

import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import FeatureEmbedding
from tfrec.models.feature_inputs import check_features, feature_inputs
from tfrec.models.ranking.history_vectors import pair_history_with_candidate, paired_features

USER = {"name": "age", "kind": "numeric", "group": "user"}
ITEM = {"name": "item", "kind": "categorical", "group": "item", "size": 12}
GENRES = {"name": "genres", "kind": "multivalued", "group": "item", "size": 6, "length": 2}
HISTORY = {"name": "history", "kind": "sequence", "group": "history", "length": 3, "of": "item"}
OF_GENRES = {"name": "history_genres", "kind": "sequence", "group": "history", "length": 3, "of": "genres"}
LABEL = {"name": "history_label", "kind": "sequence", "group": "history", "length": 3, "size": 4}
# Sequences stand before `history` on purpose: the order of the parts is that of the pairs.
ALL = [USER, OF_GENRES, ITEM, GENRES, LABEL, HISTORY]
GIVEN = {
    "age": np.array([0.5, np.nan], "float32"),
    "item": np.array([5, 7], "int32"),
    "genres": np.array([[2, 3], [4, 0]], "int32"),
    "history": np.array([[0, 5, 7], [7, 5, 3]], "int32"),
    "history_genres": np.array([[[0, 0], [2, 3], [4, 0]], [[4, 0], [2, 3], [5, 5]]], "int32"),
    "history_label": np.array([[0, 2, 3], [3, 2, 2]], "int32"),
}


def made(features):
    """A model that only computes the pairing, with weights far from their initial values."""
    features = check_features(features)
    inputs = feature_inputs(features)
    found = pair_history_with_candidate(features, inputs, FeatureEmbedding(features, 4, name="embedding")(inputs))
    model = keras.Model(inputs, {"keys": found.keys, "query": found.query, "mask": found.mask, "rest": found.rest})
    return drawn(model, 0, 1.0)


def outputs(model):
    found = model({name: GIVEN[name] for name in model.input})
    return {name: keras.tree.map_structure(ops.convert_to_numpy, value) for name, value in found.items()}


def test_an_event_of_the_candidate_has_the_candidates_vector():
    found = outputs(made([one for one in ALL if one is not LABEL]))
    assert found["keys"].shape == (2, 3, 8) and found["query"].shape == (2, 8)
    np.testing.assert_allclose(found["keys"][0, 1], found["query"][0], atol=1e-6)
    np.testing.assert_allclose(found["keys"][1, 0], found["query"][1], atol=1e-6)
    assert np.abs(found["keys"][0, 2] - found["query"][0]).max() > 0.1


def test_the_item_comes_first_and_padding_is_masked():
    model = made([one for one in ALL if one is not LABEL])
    (table,) = (weight for weight in model.weights if weight.path.endswith("item_table"))
    found = outputs(model)
    np.testing.assert_allclose(found["query"][:, :4], ops.convert_to_numpy(table)[GIVEN["item"]], atol=1e-6)
    np.testing.assert_array_equal(found["mask"], GIVEN["history"] > 0)


def test_a_sequence_with_its_own_vectors_is_added_to_the_keys_only():
    model = made(ALL)
    weights = {weight.path.split("/")[-2:][-1]: ops.convert_to_numpy(weight) for weight in model.weights}
    added = weights["history_label_table"][GIVEN["history_label"]] @ weights["kernel"]
    found = outputs(model)
    plain = np.concatenate(
        [
            weights["item_table"][GIVEN["history"][1]],
            weights["genres_table"][GIVEN["history_genres"][1]][[0, 1, 2], [[0, 0, 0], [0, 1, 1]]].mean(axis=0),
        ],
        axis=-1,
    )
    np.testing.assert_allclose(found["keys"][1], plain + added[1], atol=1e-5)
    assert found["query"].shape == (2, 8)


def test_the_rest_holds_the_features_that_events_lack():
    price = {"name": "price", "kind": "numeric", "group": "item"}
    model = made([*ALL, price])
    given = {**GIVEN, "price": np.array([1.0, 2.0], "float32")}
    rest = model({name: given[name] for name in model.input})["rest"]
    assert [part.shape for part in rest] == [(2, 4), (2, 4)]  # age and price


@pytest.mark.parametrize("features", [[USER, ITEM], [USER, ITEM, LABEL]], ids=["no history", "only labels"])
def test_needs_a_history_of_items(features):
    with pytest.raises(ValueError, match="needs a feature 'item' and a sequence 'history' of it"):
        paired_features(features)
