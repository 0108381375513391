"""Tests of SHAN only. Tests of all models are in test_meaning.py."""

import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.models import SHAN


def made(seed=0, **kwargs):
    """A small model whose weights are all far from where they begin."""
    model = SHAN(**{"num_items": 20, "max_length": 6, "hidden_dim": 8, "short_term": 2, **kwargs})
    return drawn(model, seed, 0.2)


def queries(model, history):
    return ops.convert_to_numpy(model({"history": np.array(history)}))


def oracle(model, history):
    """The formula of the docstring, an item at a time, in float64."""
    w = {v.path: ops.convert_to_numpy(v).astype("float64") for v in model.weights}

    def weight(name):
        (found,) = (value for path, value in w.items() if path.endswith(name))
        return found

    def pooled(vectors, level):
        keys = [np.maximum(x @ weight(f"{level}/kernel") + weight(f"{level}/bias"), 0) for x in vectors]
        shares = np.exp([user @ key for key in keys])
        return sum(share * x for share, x in zip(shares / shares.sum(), vectors, strict=True))

    items = weight("embeddings")
    x = [np.sqrt(items.shape[1]) * items[item] for item in history]
    user = np.concatenate([x[-1], np.mean(x, axis=0)]) @ weight("taste/kernel") + weight("taste/bias")
    old, new = x[: -model.short_term], x[-model.short_term :]
    return pooled([pooled(old, "long_keys"), *new] if old else new, "short_keys")


@pytest.mark.parametrize("short_term", [1, 2, 8])
def test_equals_the_formula_at_every_position(short_term):
    model, history = made(short_term=short_term), [7, 3, 20, 3, 1]
    found = queries(model, [[0, 0, *history]])[0]
    for position in range(len(history)):
        np.testing.assert_allclose(found[2 + position], oracle(model, history[: position + 1]), atol=1e-5)
    assert not found[:2].any()


def test_a_query_at_a_position_equals_that_of_the_history_cut_there():
    model, history = made(), np.array([[3, 4, 5, 6, 7], [0, 0, 9, 2, 3]])
    whole = queries(model, history)
    for length in (3, 4):
        np.testing.assert_allclose(queries(model, history[:, :length])[:, -1], whole[:, length - 1], atol=1e-6)


def test_long_term_items_affect_the_query():
    one, other, without = queries(made(), [[3, 4, 5, 6], [9, 4, 5, 6], [0, 4, 5, 6]])[:, -1]
    assert np.abs(one - other).max() > 0.01 and np.abs(one - without).max() > 0.01


def test_order_within_both_sets_has_no_effect_except_for_the_last_item():
    rows = [[3, 4, 5, 6, 7], [4, 3, 6, 5, 7], [3, 5, 4, 6, 7], [3, 4, 5, 7, 6]]
    one, within_sets, across_sets, last_moved = queries(made(short_term=3), rows)[:, -1]
    np.testing.assert_allclose(within_sets, one, atol=1e-6)
    assert np.abs(across_sets - one).max() > 0.01 and np.abs(last_moved - one).max() > 0.01


def test_a_query_is_a_weighted_mean_of_the_items_so_far():
    model = made(num_items=6, hidden_dim=8)
    rng = np.random.default_rng(1)
    # Item i is axis i, so a query shows each item's share.
    model.embedding.items.embeddings.assign(np.eye(8))
    history = np.stack([rng.permutation(np.arange(2, 8)) for _ in range(4)])
    shares = queries(model, history) / np.sqrt(8)
    for row, position in np.ndindex(4, 6):
        seen = history[row, : position + 1]
        assert (shares[row, position, seen] > 0).all()
        assert shares[row, position, seen].sum() == pytest.approx(1, abs=1e-5)
        assert shares[row, position].sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("argument", ["num_items", "max_length", "hidden_dim", "short_term"])
@pytest.mark.parametrize("bad", [0, -1, True, 1.5])
def test_sizes_are_positive_integers(argument, bad):
    with pytest.raises(ValueError, match=f"{argument} must be a positive integer, got {bad}"):
        SHAN(**{"num_items": 5, argument: bad})
