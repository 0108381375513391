"""Tests of HSTU only: cosine scores or inner products, and the relative bias."""

import keras
import numpy as np
import pytest
from drawn_weights import drawn
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often

from tfrec.losses import FullSoftmax
from tfrec.models import HSTU

CYCLE = 30
ON_JAX = keras.backend.backend() == "jax"


def made(seed=0, **kwargs):
    """A small model whose weights are all far from where they begin."""
    model = HSTU(**{"num_items": 20, "max_length": 9, "hidden_dim": 8, "num_heads": 2, **kwargs})
    return drawn(model, seed)


def numpy(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def learn(model, inputs, targets, epochs):
    weights = (targets > 0) * (targets.size / (targets > 0).sum())
    model.compile(optimizer=Adam(0.01), loss=FullSoftmax(), jit_compile=ON_JAX)
    fit_often(model, inputs, targets, epochs, sample_weight=weights)


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.05, None], ids=["cosine", "inner product"])
def test_recovers_a_planted_cycle(temperature):
    rng = np.random.default_rng(0)
    ids = (rng.integers(0, CYCLE, (128, 1)) + np.arange(9)) % CYCLE + 2
    ids[:64, :4] = 0
    keras.utils.set_random_seed(0)
    model = HSTU(CYCLE, 8, 32, num_blocks=1, dropout=0.0, temperature=temperature, seed=1)
    learn(model, {"history": ids[:, :-1]}, np.where(ids[:, :-1] > 0, ids[:, 1:], 0), 25)
    found = ops.convert_to_numpy(model.recommend({"history": ids[:, 1:]}, k=1)[0])[:, 0]
    assert np.mean(found == (ids[:, -1] - 1) % CYCLE + 2) > 0.95


@pytest.mark.parametrize("temperature", [0.05, 2.0, None])
def test_scores_are_cosines_over_the_temperature_or_inner_products(temperature):
    model, inputs = made(temperature=temperature), {"history": np.array([[0, 3, 4]])}
    query, table, scores = numpy([model.embed(inputs), model.item_table(), model.score(inputs)])
    np.testing.assert_allclose(scores[:, 2:], query @ table[2:].T, rtol=1e-4, atol=1e-5)
    if temperature is not None:
        np.testing.assert_allclose(np.linalg.norm(table, axis=1), 1.0, rtol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(query, axis=1), 1 / temperature, rtol=1e-5)


def test_more_padding_does_not_change_positions():
    model, history = made(), np.array([[3, 4, 5], [0, 7, 8], [0, 0, 0]])
    plain, padded = numpy(model({"history": ids}) for ids in (history, np.pad(history, ((0, 0), (6, 0)))))
    np.testing.assert_allclose(padded[:, 6:], plain, atol=2e-5)
    assert not padded[:, :6].any()


# Time.


def in_time(history, gap=60):
    """Time stamps for a history: `gap` seconds from one item to the next, 0 at padding."""
    return np.where(history > 0, 1_600_000_000 + gap * np.arange(history.shape[1]), 0)


def visits(rows, seed):
    """The next item is the partner of an item from a day before the newest, however many items lie in between."""
    rng = np.random.default_rng(seed)
    history = rng.integers(2, 10, (rows, 6))
    before = np.arange(5, -1, -1) - rng.integers(1, 5, (rows, 1))  # 0: the newest item of the day before
    ago = np.where(before < 0, 60 * np.arange(5, -1, -1), np.where(before == 0, 86_400, 400 * 86_400 + before))
    return {"history": history, "timestamps": 1_600_000_000 - ago}, history[before == 0] + 8


@pytest.mark.slow
@pytest.mark.parametrize(("timed", "least", "most"), [(True, 0.95, 1.0), (False, 0.0, 0.6)])
def test_recovers_a_pattern_that_only_times_reveal(timed, least, most):
    inputs, targets = visits(512, seed=0)
    asked, partners = visits(200, seed=1)
    keras.utils.set_random_seed(0)
    model = HSTU(16, 6, 16, num_blocks=1, dropout=0.0, use_timestamps=timed, seed=1)
    model.compile(optimizer=Adam(0.02), loss=FullSoftmax(), jit_compile=ON_JAX)
    reads = model.input_names
    fit_often(model, {name: inputs[name] for name in reads}, targets, 26, batch_size=64)
    scores = ops.convert_to_numpy(model.score({name: asked[name] for name in reads}))
    assert least <= np.mean(scores[:, 2:].argmax(axis=1) + 2 == partners) <= most


def test_only_the_time_between_items_matters():
    model, history = made(use_timestamps=True), np.array([[0, 0, 3, 4, 5], [7, 8, 9, 2, 3]])
    times = in_time(history)
    query, later, padded, stretched = numpy(
        model({"history": ids, "timestamps": stamps})
        for ids, stamps in [
            (history, times),
            (history, np.where(times > 0, times + 10**7, 0)),
            (np.pad(history, ((0, 0), (3, 0))), np.pad(times, ((0, 0), (3, 0)))),
            (history, in_time(history, gap=86_400)),
        ]
    )
    np.testing.assert_allclose(later, query, atol=2e-5)
    np.testing.assert_allclose(padded[:, 3:], query, atol=2e-5)
    assert np.abs(stretched - query)[:, -1].max() > 0.01


def test_a_later_time_changes_no_earlier_query():
    model, history = made(use_timestamps=True), np.array([[0, 3, 4, 5, 6], [7, 8, 9, 2, 3]])
    times = in_time(history)
    changed = times.copy()
    changed[:, -1] += 10**6
    before, after = numpy(model({"history": history, "timestamps": stamps}) for stamps in (times, changed))
    np.testing.assert_array_equal(after[:, :-1], before[:, :-1])
    assert np.abs(after[:, -1] - before[:, -1]).max() > 0.01


def test_without_use_timestamps_there_is_no_timestamps_input():
    assert made().input_names == ("history",)
    assert set(made(use_timestamps=True).input_names) == {"history", "timestamps"}


# What it refuses.


@pytest.mark.parametrize("argument", ["num_items", "max_length", "num_blocks", "num_heads", "linear_dim"])
@pytest.mark.parametrize("bad", [0, True, 1.5])
def test_sizes_are_positive_integers(argument, bad):
    with pytest.raises(ValueError, match=f"{argument} must be a positive integer( or None)?, got {bad}"):
        HSTU(**{"num_items": 5, argument: bad})


def test_heads_must_divide_the_width_unless_head_widths_are_given():
    assert made(num_heads=3, attention_dim=2, linear_dim=5).hidden_dim == 8
    with pytest.raises(ValueError, match="num_heads=3, hidden_dim=8"):
        made(num_heads=3, attention_dim=2)


@pytest.mark.parametrize("bad", [0, -0.1])
def test_the_temperature_must_be_positive(bad):
    with pytest.raises(ValueError, match=f"temperature must be positive.*got {bad}"):
        HSTU(5, temperature=bad)
