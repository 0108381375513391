"""Tests of several interests in ComiRec. Tests of all models are in test_meaning.py."""

import functools

import keras
import numpy as np
import pytest
import small
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often

from tfrec.losses import FullSoftmax
from tfrec.models import ComiRec

ON_JAX = keras.backend.backend() == "jax"
CLUSTERS, SIZE = 8, 6  # of the planted items


made = functools.partial(small.made, "comirec")


def numpy(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


# Two planted interests.


def users_of_two_clusters(rows, length, seed):
    """Each user has two of 8 clusters, and takes the items of both in a random order without repeating one."""
    rng = np.random.default_rng(seed)
    clusters = np.stack([rng.permutation(CLUSTERS)[:2] for _ in range(rows)])
    ids = [rng.permutation(np.concatenate([c * SIZE + np.arange(SIZE) for c in pair]))[:length] for pair in clusters]
    return clusters, (np.stack(ids) + 2).astype("int32")


def answers(num_interests, **more):
    """For new users: the share of unseen items of their own clusters in a list of the same length, and the model."""
    keras.utils.set_random_seed(0)
    # Three dimensions: too few for a sum of two of 8 directions to point at these two and at none between.
    model = ComiRec(
        CLUSTERS * SIZE, max_length=8, hidden_dim=3, num_interests=num_interests, dropout=0.0, seed=0, **more
    )
    model.compile(Adam(0.03), FullSoftmax(), jit_compile=ON_JAX)
    _, ids = users_of_two_clusters(600, 9, seed=0)
    fit_often(model, {"history": ids[:, :-1]}, ids[:, 1:], 40, batch_size=200)
    clusters, ids = users_of_two_clusters(200, 6, seed=1)
    found = ops.convert_to_numpy(model.recommend({"history": ids}, k=6)[0])
    of_user = ((found[..., None] - 2) // SIZE == clusters[:, None]).any(axis=2)
    both = [set(pair) <= set((row - 2) // SIZE) for pair, row in zip(clusters, found, strict=True)]
    return of_user.mean(), np.mean(both), model, ids


@pytest.mark.slow
@pytest.mark.tensorflow
def test_two_interests_represent_two_tastes_and_one_does_not():
    hits, both, model, history = answers(num_interests=2)
    assert hits > 0.9 and both > 0.9
    first, second = np.moveaxis(ops.convert_to_numpy(model.embed({"history": history})), 1, 0)
    cosine = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    assert np.median(cosine) < 0.5
    hits_of_one, both_of_one, *_ = answers(num_interests=1)
    assert hits_of_one < 0.8 * hits and both_of_one < 0.7 * both


@pytest.mark.slow
@pytest.mark.tensorflow
def test_interests_by_expectation_maximisation_find_both_tastes():
    hits, both, model, history = answers(num_interests=2, pooling="em")
    assert hits > 0.9 and both > 0.9
    weights = ops.convert_to_numpy(model.attention_weights({"history": history})["pooling"])[:, -1]
    of_first = weights[:, 0] > weights[:, 1]  # which interest an event belongs to
    cluster = (history - 2) // SIZE
    same = of_first[:, :, None] == of_first[:, None]
    assert np.mean(same == (cluster[:, :, None] == cluster[:, None])) > 0.9


# What a score is.


def oracle(model, history):
    """The K query vectors at the newest position, from the formulas, in float64."""
    w = {v.path.split("/", 1)[-1]: ops.convert_to_numpy(v).astype("float64") for v in model.weights}
    h = w["items/embeddings"][history] * model.hidden_dim**0.5
    inner = np.maximum(h @ w["expand/kernel"] + w["expand/bias"], 0)
    h = h + inner @ w["contract/kernel"] + w["contract/bias"]
    logits = np.tanh(h @ w["hidden/kernel"] + w["hidden/bias"]) @ w["logits/kernel"]
    logits += w["recency"][:, : len(history)].T[::-1]
    shares = np.exp(logits) / np.exp(logits).sum(axis=0)
    q = shares.T @ h
    q = (q - q.mean(1, keepdims=True)) / np.sqrt(q.var(1, keepdims=True) + 1e-6)
    return q * w["gamma"] + w["beta"]


def test_equals_the_formula_and_scores_by_the_nearest_interest():
    model, history = made(), np.array([[0, 0, 3, 4, 3], [7, 8, 9, 2, 20]])
    inputs = {"history": history}
    queries, table, scores = numpy([model.embed(inputs), model.item_table(), model.score(inputs)])
    expected = np.stack([oracle(model, row[row > 0]) for row in history])
    np.testing.assert_allclose(queries, expected, atol=1e-5)
    np.testing.assert_allclose(scores[:, 2:], (expected @ table[2:].T).max(axis=1), atol=1e-5)
    assert (scores[:, :2] == -np.inf).all()
    ids, best = numpy(model.recommend({"history": history}, k=3))
    for row, seen in enumerate(history):
        order = [i for i in np.argsort(-scores[row]) if i not in seen][:3]
        assert ids[row].tolist() == order
        np.testing.assert_allclose(best[row], scores[row, order], rtol=1e-5)


@pytest.mark.parametrize(("rounds", "temperature"), [(3, 1.0), (1, 0.5)])
def test_equals_the_formula_with_expectation_maximisation(rounds, temperature):
    model = made(pooling="em", em_rounds=rounds, em_temperature=temperature)
    history = np.array([[0, 0, 3, 4, 3], [7, 8, 9, 2, 20]])
    w = {v.path.split("/", 1)[-1]: ops.convert_to_numpy(v).astype("float64") for v in model.weights}
    found, weights = numpy(
        [model.embed({"history": history}), model.attention_weights({"history": history})["pooling"]]
    )
    for row, items in enumerate(history):
        h = w["items/embeddings"][items[items > 0]] * model.hidden_dim**0.5
        h = h + np.maximum(h @ w["expand/kernel"] + w["expand/bias"], 0) @ w["contract/kernel"] + w["contract/bias"]
        mu = w["starts"]
        for _ in range(rounds):
            r = np.exp(h @ mu.T / temperature)
            r = r / r.sum(axis=1, keepdims=True)
            mu = np.stack([sum(r[j, k] * h[j] for j in range(len(h))) / r[:, k].sum() for k in range(3)])
        q = (mu - mu.mean(1, keepdims=True)) / np.sqrt(mu.var(1, keepdims=True) + 1e-6)
        np.testing.assert_allclose(found[row], q * w["gamma"] + w["beta"], atol=2e-5)
        np.testing.assert_allclose(weights[row, -1][:, items > 0], (r / r.sum(axis=0)).T, atol=1e-5)


def test_one_interest_equals_a_single_query():
    model, inputs = made(num_interests=1), {"history": np.array([[0, 3, 4]])}
    queries, table, scores = numpy([model.embed(inputs), model.item_table(), model.score(inputs)])
    assert queries.shape == (1, 1, 8)
    np.testing.assert_allclose(scores[:, 2:], queries[:, 0] @ table[2:].T, atol=1e-5)


@pytest.mark.parametrize("pooling", ["attention", "em"])
def test_a_query_at_a_position_equals_that_of_the_history_cut_there(pooling):
    model, history = made(pooling=pooling), np.array([[0, 3, 4, 5, 6], [7, 8, 9, 2, 3]])
    at_all = ops.convert_to_numpy(model({"history": history}))
    assert at_all.shape == (2, 5, 3, 8)
    for length in range(2, 6):
        cut = ops.convert_to_numpy(model.embed({"history": history[:, :length]}))
        np.testing.assert_allclose(at_all[:, length - 1], cut, atol=1e-5)


# How it learns.


def expected_loss(model, history, targets):
    queries, table = numpy([model({"history": history}), model.item_table()])
    values = []
    for row, place in zip(*np.nonzero(targets), strict=True):
        target = targets[row, place]
        near = max(queries[row, place].astype("float64"), key=lambda query: query @ table[target])
        logits = table[2:] @ near
        values.append(np.log(np.exp(logits).sum()) - logits[target - 2])
    return np.mean(values)


@pytest.mark.parametrize("stock", [False, True])
def test_only_the_nearest_interest_is_trained_on_a_target(stock):
    model = made()
    history = np.array([[0, 3, 4, 5], [7, 8, 9, 2]], "int32")
    targets = np.array([[0, 4, 5, 6], [8, 9, 2, 3]], "int32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if stock else FullSoftmax()
    model.compile(loss=loss, jit_compile=ON_JAX, run_eagerly=not ON_JAX)
    weights = (targets > 0) * (targets.size / (targets > 0).sum())
    value = model.evaluate({"history": history}, targets, sample_weight=weights, verbose=0)
    assert value == pytest.approx(expected_loss(model, history, targets), rel=1e-5)
    alone = np.where(np.arange(4) == 3, targets, 0)
    value = model.evaluate({"history": history}, targets[:, -1], verbose=0)
    assert value == pytest.approx(expected_loss(model, history, alone), rel=1e-5)


@pytest.mark.tensorflow  # on JAX, Keras lets metrics read no weights of the model
def test_compile_metrics_rank_by_the_nearest_interest():
    model = made()
    model.compile(loss=FullSoftmax(), metrics=[keras.metrics.TopKCategoricalAccuracy(3, "top")], run_eagerly=True)
    rng = np.random.default_rng(0)
    history, targets = rng.integers(2, 22, (40, 4)).astype("int32"), rng.integers(2, 22, 40).astype("int32")
    ids = ops.convert_to_numpy(model.recommend({"history": history}, k=3)[0])
    expected = (ids == targets[:, None]).any(axis=1).mean()
    reported = model.evaluate({"history": history}, targets, batch_size=40, verbose=0, return_dict=True)
    assert 0 < expected < 1 and reported["top"] == pytest.approx(expected)


# What it refuses.


@pytest.mark.parametrize("argument", ["num_items", "max_length", "hidden_dim", "num_interests", "attention_dim"])
@pytest.mark.parametrize("bad", [0, True, 1.5])
def test_sizes_are_positive_integers(argument, bad):
    with pytest.raises(ValueError, match=f"{argument} must be a positive integer( or None)?, got {bad}"):
        ComiRec(**{"num_items": 5, argument: bad})


def test_a_pooling_is_one_of_two():
    with pytest.raises(ValueError, match="pooling must be one of attention, em, got 'mean'"):
        ComiRec(5, pooling="mean")
    with pytest.raises(ValueError, match="temperature must be a finite number above 0, got 0"):
        ComiRec(5, pooling="em", em_temperature=0)
