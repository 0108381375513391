"""BiasedMF equals its formula, and learns planted biases and factors."""

import keras
import numpy as np
import pytest
from fused_adam import Adam
from keras import ops

from tfrec.models import BiasedMF

FEATURES = [
    {"name": "user", "kind": "categorical", "group": "user", "size": 42},
    {"name": "age", "kind": "numeric", "group": "user"},
    {"name": "item", "kind": "categorical", "group": "item", "size": 32},
]


def made(**kwargs):
    model = BiasedMF(FEATURES, embedding_dim=3, seed=0, **kwargs)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.4, weight.shape) for weight in model.get_weights()])
    return model


def by_hand(model, user, item):
    of = {weight.path.split("/")[-2]: ops.convert_to_numpy(weight) for weight in model.weights}
    product = (of["user_factors"][user] * of["item_factors"][item]).sum(axis=1)
    return of["mean"][0, 0] + of["user_bias"][user, 0] + of["item_bias"][item, 0] + product


def test_equals_the_formula():
    model, user, item = made(), np.array([2, 1, 30]), np.array([5, 31, 1])
    scores = ops.convert_to_numpy(model.score({"user": user, "item": item}))
    np.testing.assert_allclose(scores, by_hand(model, user, item), atol=1e-5)
    clipped = ops.convert_to_numpy(made(rating_range=(-0.1, 0.1)).score({"user": user, "item": item}))
    np.testing.assert_allclose(clipped, np.clip(scores, -0.1, 0.1), atol=1e-6)
    assert set(model.input_names) == {"user", "item"}


@pytest.mark.tensorflow
def test_the_penalties_are_means_over_the_batch():
    user, item = np.array([2, 7, 2, 9]), np.array([5, 5, 6, 7])
    found = []
    for weights in ({"embedding_l2": 0.0}, {"embedding_l2": 0.1}, {"embedding_l2": 0.0, "bias_l2": 0.1}):
        model = made(**weights)
        model.compile(keras.optimizers.SGD(0.0), "mean_squared_error", run_eagerly=True)
        inputs = {"user": user, "item": item}
        found.append(model.fit(inputs, np.zeros(4), batch_size=4, verbose=0).history["loss"][0])
    of = {weight.path.split("/")[-2]: ops.convert_to_numpy(weight) for weight in model.weights}
    factors = (of["user_factors"][user] ** 2).sum(axis=1) + (of["item_factors"][item] ** 2).sum(axis=1)
    biases = (of["user_bias"][user] ** 2).sum(axis=1) + (of["item_bias"][item] ** 2).sum(axis=1)
    assert found[1] - found[0] == pytest.approx(0.1 * factors.mean(), rel=1e-4)
    assert found[2] - found[0] == pytest.approx(0.1 * biases.mean(), rel=1e-4)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_recovers_planted_ratings_that_biases_alone_cannot():
    rng = np.random.default_rng(0)
    p, q, of_user, of_item = (rng.normal(size=shape) for shape in ((42, 2), (32, 2), 42, 32))
    user, item = np.meshgrid(np.arange(2, 42), np.arange(2, 32), indexing="ij")
    user, item = user.ravel(), item.ravel()
    ratings = 3 + of_user[user] + of_item[item] + (p[user] * q[item]).sum(axis=1)
    order = rng.permutation(len(user))
    train, test = order[:1000], order[1000:]
    model = BiasedMF(FEATURES, embedding_dim=2, embedding_l2=1e-4, output_bias=3.0, seed=0)
    model.compile(Adam(0.02), "mean_squared_error", jit_compile=False)
    often = np.concatenate([train] * 60)  # one epoch, because starting an epoch costs more than its steps
    model.fit({"user": user[often], "item": item[often]}, ratings[often], batch_size=250, verbose=0)
    found = ops.convert_to_numpy(model.score({"user": user[test], "item": item[test]}))
    linear = np.concatenate([np.eye(42)[user], np.eye(32)[item], np.ones((len(user), 1))], axis=1)
    biases = linear[test] @ np.linalg.lstsq(linear[train], ratings[train], rcond=None)[0]
    error, of_biases = (np.sqrt(np.mean((one - ratings[test]) ** 2)) for one in (found, biases))
    assert error < 0.3 * of_biases


def test_user_and_item_are_needed():
    for features in (FEATURES[:1], [{**FEATURES[0], "name": "who"}, FEATURES[2]]):
        with pytest.raises(ValueError, match="'user' and 'item'"):
            BiasedMF(features)
