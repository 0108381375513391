"""Tests of NARM only. Tests of all models are in test_meaning.py."""

import functools

import keras
import numpy as np
import pytest
import small
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often

from tfrec.losses import FullSoftmax
from tfrec.models import NARM

ON_JAX = keras.backend.backend() == "jax"


made = functools.partial(small.made, "narm")


def queries(model, history):
    return ops.convert_to_numpy(model({"history": np.array(history)}))


def oracle(model, history):
    """The formula of the docstring, an item at a time, in float64."""
    w = {v.path: ops.convert_to_numpy(v).astype("float64") for v in model.weights}

    def weight(name):
        (found,) = (value for path, value in w.items() if path.endswith(name))
        return found

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    items = weight("embeddings")
    width = items.shape[1]
    input_bias, state_bias = weight("gru_cell/bias")
    states, h = [], np.zeros(width)
    for item in history:
        of_x = np.sqrt(width) * items[item] @ weight("gru_cell/kernel") + input_bias
        of_h = h @ weight("gru_cell/recurrent_kernel") + state_bias
        update, reset = sigmoid(of_x + of_h)[:width], sigmoid(of_x + of_h)[width : 2 * width]
        h = update * h + (1 - update) * np.tanh(of_x[2 * width :] + reset * of_h[2 * width :])
        states.append(h)
    local = np.zeros(width)
    for state in states:
        inner = h @ weight("query_map/kernel") + state @ weight("key_map/kernel")
        local += weight("vector") @ sigmoid(inner) * state
    return np.concatenate([h, local]) @ weight("decoder/kernel")


def test_equals_the_formula_at_every_position():
    model, history = made(), [7, 3, 20, 3, 1]
    found = queries(model, [[0, 0, *history]])[0]
    for position in range(len(history)):
        np.testing.assert_allclose(found[2 + position], oracle(model, history[: position + 1]), atol=1e-5)
    assert not found[:2].any()  # the state at padding is zero, and so is all that comes of it


def test_a_query_at_a_position_equals_that_of_the_history_cut_there():
    model, history = made(), np.array([[3, 4, 5, 6, 7], [0, 0, 9, 2, 3]])
    whole = queries(model, history)
    for length in (3, 4):
        np.testing.assert_allclose(queries(model, history[:, :length])[:, -1], whole[:, length - 1], atol=1e-6)


def test_the_order_of_the_history_matters():
    one, other = queries(made(), [[3, 4, 5, 6], [4, 3, 5, 6]])[:, -1]
    assert np.abs(one - other).max() > 0.01


def test_unknown_items_are_read_and_padding_is_not():
    with_unknown, without = queries(made(), [[3, 1, 5], [0, 3, 5]])[:, -1]
    assert np.abs(with_unknown - without).max() > 0.01


@pytest.mark.slow
def test_recovers_a_pattern_of_order():
    """Items 2 and 3 in either order, then item 6: neither the set nor the last item determines the next item."""
    rng = np.random.default_rng(0)
    order = rng.integers(0, 2, 256)
    history = np.stack([rng.integers(7, 20, 256), 2 + order, 3 - order, np.full(256, 6)], axis=1)
    keras.utils.set_random_seed(0)
    model = NARM(20, max_length=4, hidden_dim=16, dropout=0.0, seed=0)
    model.compile(optimizer=Adam(0.02), loss=FullSoftmax(), jit_compile=ON_JAX)
    fit_often(model, {"history": history[:192]}, 4 + order[:192], 20, batch_size=64)
    found = ops.convert_to_numpy(model.recommend({"history": history[192:]}, k=1)[0])[:, 0]
    assert np.mean(found == 4 + order[192:]) > 0.95


@pytest.mark.parametrize("argument", ["num_items", "max_length", "hidden_dim"])
@pytest.mark.parametrize("bad", [0, -1, True, 1.5])
def test_sizes_are_positive_integers(argument, bad):
    with pytest.raises(ValueError, match=f"{argument} must be a positive integer, got {bad}"):
        NARM(**{"num_items": 5, argument: bad})
