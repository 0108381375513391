"""A user is encoded once for all candidates if this gives the same scores."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_ranking_preset import ranking_spec

from tfrec import models
from tfrec.inference.shared_user_encoding import runs_once, scores_of
from tfrec.models import RankingModel
from tfrec.models.feature_inputs import feature_inputs

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("name", ["afm", "autoint", "bst", "dcnv2", "deepfm", "dien", "din"])
def test_models_of_the_zoo_compute_users_once(name):
    kinds = {
        kind.lower(): getattr(models, kind) for kind in ("AFM", "AutoInt", "BST", "DCNv2", "DeepFM", "DIEN", "DIN")
    }
    assert runs_once(kinds[name](ranking_spec().model_features(), embedding_dim=4, seed=0))


@pytest.mark.parametrize(
    "arguments", [{}, {"direction": "user-to-item"}, {"direction": "both"}, {"encoder": "joint"}], ids=str
)
def test_every_direction_of_the_matcher_computes_users_once(arguments):
    assert runs_once(models.AttentionMatcher(ranking_spec().model_features(), embedding_dim=4, seed=0, **arguments))


def test_operations_without_the_candidate_run_on_one_row_per_user():
    rows = []

    class Spy(keras.layers.Layer):
        def call(self, x):
            if x.shape[0] is not None:
                rows.append(int(x.shape[0]))
            return x

    features = [
        {"name": "age", "kind": "numeric", "group": "user"},
        {"name": "item", "kind": "categorical", "group": "item", "size": 9},
    ]
    inputs = feature_inputs(features)
    age, item = Spy()(inputs["age"][:, None]), Spy()(keras.layers.Embedding(9, 1)(inputs["item"]))
    model = RankingModel(inputs, Spy()(age * item))
    model.features = features
    rows.clear()
    given = {"age": tf.constant([1.0, 2.0])}, {"item": tf.constant([2, 3, 4, 5, 6, 7])}
    once = scores_of(model, *given, tf.constant(3))
    assert sorted(rows) == [2, 6, 6]
    np.testing.assert_allclose(once, scores_of(model, *given, tf.constant(3), once=False), atol=1e-6)


def test_a_model_that_looks_across_rows_is_seen():
    features = [
        {"name": "age", "kind": "numeric", "group": "user"},
        {"name": "item", "kind": "categorical", "group": "item", "size": 9},
    ]
    inputs = feature_inputs(features)
    odd = keras.ops.cumsum(inputs["age"])[:, None] * keras.layers.Embedding(9, 1, "ones")(inputs["item"])
    model = RankingModel(inputs, odd)
    model.features = features
    assert not runs_once(model)
