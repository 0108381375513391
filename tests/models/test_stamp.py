"""Tests of STAMP only. Tests of all models are in test_meaning.py."""

import functools

import keras
import numpy as np
import pytest
import small
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often

from tfrec.losses import FullSoftmax
from tfrec.models import STAMP

ON_JAX = keras.backend.backend() == "jax"


made = functools.partial(small.made, "stamp")


def queries(model, history):
    return ops.convert_to_numpy(model({"history": np.array(history)}))


def oracle(model, history):
    """The formula of the docstring, an item at a time, in float64."""
    w = {v.path: ops.convert_to_numpy(v).astype("float64") for v in model.weights}

    def weight(name):
        (found,) = (value for path, value in w.items() if path.endswith(name))
        return found

    items = weight("embeddings")
    width = items.shape[1]
    x = [np.sqrt(width) * items[item] for item in history]
    last, mean = x[-1], np.mean(x, axis=0)
    of_last, of_mean = weight("query_map/kernel")[:width], weight("query_map/kernel")[width:]
    memory = np.zeros(width)
    for one in x:
        inner = one @ weight("key_map/kernel") + last @ of_last + mean @ of_mean + weight("query_map/bias")
        memory += weight("vector") @ (1 / (1 + np.exp(-inner))) * one
    session = np.tanh(memory @ weight("of_session/kernel") + weight("of_session/bias"))
    return session * np.tanh(last @ weight("of_last/kernel") + weight("of_last/bias"))


def test_equals_the_formula_at_every_position():
    model, history = made(), [7, 3, 20, 3, 1]
    found = queries(model, [[0, 0, *history]])[0]
    for position in range(len(history)):
        np.testing.assert_allclose(found[2 + position], oracle(model, history[: position + 1]), atol=1e-5)


def test_the_score_is_trilinear():
    model, inputs = made(), {"history": np.array([[3, 4, 5]])}
    table = ops.convert_to_numpy(model.item_table())
    product = [np.sum(queries(model, [[3, 4, 5]])[0, -1] * vector) for vector in table]
    np.testing.assert_allclose(ops.convert_to_numpy(model.score(inputs))[0, 2:], product[2:], atol=1e-5)


def test_a_query_at_a_position_equals_that_of_the_history_cut_there():
    model, history = made(), np.array([[3, 4, 5, 6, 7], [0, 0, 9, 2, 3]])
    whole = queries(model, history)
    for length in (3, 4):
        np.testing.assert_allclose(queries(model, history[:, :length])[:, -1], whole[:, length - 1], atol=1e-6)


def test_the_order_has_no_effect_except_for_the_last_item():
    one, earlier_moved, last_moved = queries(made(), [[3, 4, 5, 6], [5, 3, 4, 6], [6, 4, 5, 3]])[:, -1]
    np.testing.assert_allclose(earlier_moved, one, atol=1e-6)
    assert np.abs(last_moved - one).max() > 0.01


def learned(history, targets, epochs):
    keras.utils.set_random_seed(0)
    model = STAMP(20, max_length=6, hidden_dim=16, dropout=0.0, seed=0)
    model.compile(optimizer=Adam(0.02), loss=FullSoftmax(), jit_compile=ON_JAX)
    fit_often(model, {"history": history[64:]}, targets[64:], epochs, batch_size=64)
    found = model.recommend({"history": history[:64]}, k=1, mask_seen=False)[0]
    return np.mean(ops.convert_to_numpy(found)[:, 0] == targets[:64])


@pytest.mark.slow
def test_follows_the_last_item_if_it_decides():
    history = np.random.default_rng(0).integers(2, 22, (448, 4))
    assert learned(history, (history[:, -1] - 2 + 7) % 20 + 2, epochs=20) > 0.95


@pytest.mark.slow
def test_follows_the_session_if_it_decides():
    """The earlier items are of one of two kinds; the last item is of any kind and has no information."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 448)
    before = rng.integers(2, 10, (448, 4)) + 8 * kind[:, None]
    history = np.concatenate([before, rng.integers(2, 18, (448, 1))], axis=1)
    assert learned(history, 20 + kind, epochs=8) > 0.9


@pytest.mark.parametrize("argument", ["num_items", "max_length", "hidden_dim"])
@pytest.mark.parametrize("bad", [0, -1, True, 1.5])
def test_sizes_are_positive_integers(argument, bad):
    with pytest.raises(ValueError, match=f"{argument} must be a positive integer, got {bad}"):
        STAMP(**{"num_items": 5, argument: bad})
