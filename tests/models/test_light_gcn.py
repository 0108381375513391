"""Tests of the graph of LightGCN, which is folded into its vectors. Tests of all user models: test_user_models.py."""

import keras
import numpy as np
import pytest
from keras import ops

from tfrec import losses, models
from tfrec.layers import GraphVectors

PAIRS = np.array([[2, 2], [2, 3], [3, 3], [4, 4], [4, 2]])


def made(graph=True, **kwargs):
    model = models.LightGCN(num_items=3, num_users=3, hidden_dim=4, **{"num_layers": 2, "seed": 0, **kwargs})
    if graph:
        model.begin_training(PAIRS)
    return model


def scores(model):
    return ops.convert_to_numpy(model.score({"user": np.array([2, 3, 4])}))[:, 2:]


@pytest.mark.parametrize("temperature", [None, 0.5])
def test_scores_are_inner_products_or_cosines_of_propagated_vectors(temperature):
    model = made(temperature=temperature)
    users, items = (ops.convert_to_numpy(part)[2:] for part in model.vectors.propagate())
    expected = users @ items.T
    if temperature:
        expected /= np.linalg.norm(users, axis=1)[:, None] * np.linalg.norm(items, axis=1) * temperature
    np.testing.assert_allclose(scores(model), expected, rtol=1e-5, atol=1e-6)


def test_folding_keeps_the_scores_and_so_does_a_file_that_is_saved_before(tmp_path):
    model = made(combine="attention", temperature=0.2)
    model.compile("sgd", losses.FullSoftmax(), jit_compile=False)
    model.fit({"user": PAIRS[:, 0]}, PAIRS[:, 1], verbose=0)
    before = scores(model)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(scores(keras.saving.load_model(tmp_path / "model.keras")), before, atol=1e-6)
    model.finish_training(PAIRS)
    assert not model.vectors.is_connected
    np.testing.assert_allclose(scores(model), before, atol=1e-6)


@pytest.mark.tensorflow
def test_a_training_step_propagates_once(monkeypatch):
    """It learns the same if the loss computes the item vectors again."""
    calls, found, top = [], [], keras.metrics.TopKCategoricalAccuracy(2, name="top")
    propagate = GraphVectors.propagate
    monkeypatch.setattr(GraphVectors, "propagate", lambda layer: calls.append(1) or propagate(layer))
    for reads_again in (False, True):
        model = made()
        model.compile("sgd", losses.FullSoftmax(), metrics=[top], run_eagerly=True)
        if reads_again:
            monkeypatch.setattr(model, "item_table", lambda model=model: model.vectors.propagate()[1])
        calls.clear()
        model.fit({"user": PAIRS[:, 0]}, PAIRS[:, 1], batch_size=5, verbose=0)
        found.append((len(calls), model.get_weights()))
    assert [count for count, _ in found] == [1, 2]
    result = model.evaluate({"user": PAIRS[:, 0]}, PAIRS[:, 1], verbose=0, return_dict=True)
    assert set(result) == {"loss", "top"}  # metrics are computed outside of training
    for once, twice in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(once, twice, atol=1e-6)


def test_a_stranger_is_the_step_of_the_graph_that_makes_a_user_of_items():
    model = made()
    history = np.array([[0, 2, 3]])
    items = ops.convert_to_numpy(model.vectors.propagate()[1])
    expected = (items[2] / np.sqrt(2) + items[3] / np.sqrt(2)) / np.sqrt(2)  # items 2 and 3 have two users each
    np.testing.assert_allclose(ops.convert_to_numpy(model.fold_in(history))[0], expected, rtol=1e-5, atol=1e-6)


def test_invalid_arguments_are_named():
    with pytest.raises(ValueError, match="temperature must be None or a positive number, got 0"):
        made(temperature=0)
    with pytest.raises(ValueError, match="combine must be one of mean, attention, got 'max'"):
        made(combine="max")


def test_training_without_a_graph_raises_an_error():
    model = made(graph=False)
    model.compile("sgd", losses.FullSoftmax(), jit_compile=False)
    with pytest.raises(ValueError, match="no graph to train on: call begin_training"):
        model.fit({"user": PAIRS[:, 0]}, PAIRS[:, 1], verbose=0)
    with pytest.raises(ValueError, match=r"known_pairs\(train, spec\), \(N, 2\) integers; got list of shape \(3,\)"):
        model.begin_training([1, 2, 3])


def test_an_evaluation_reads_the_weights_of_now():
    """Not the item vectors of an earlier call with training=True."""
    inputs = {"user": PAIRS[:, 0]}
    model = made()
    model.compile("sgd", losses.FullSoftmax(), jit_compile=False)
    model(inputs, training=True)
    other = made(seed=5)
    other.compile("sgd", losses.FullSoftmax(), jit_compile=False)
    model.set_weights(other.get_weights())
    assert model.evaluate(inputs, PAIRS[:, 1], verbose=0) == pytest.approx(
        other.evaluate(inputs, PAIRS[:, 1], verbose=0), rel=1e-5
    )


@pytest.mark.tensorflow
def test_it_trains_without_xla_which_has_no_sparse_matrices():
    model = made()
    model.compile("sgd", losses.FullSoftmax())
    assert model.jit_compile is False
    model.fit({"user": PAIRS[:, 0]}, PAIRS[:, 1], verbose=0)
