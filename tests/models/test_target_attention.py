"""Tests of DIN, DIEN and BST only. Tests of all ranking models are in test_ranking_meaning.py."""

import keras
import numpy as np
import pytest
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often
from small_ranking import made, rows

from tfrec import models

ON_JAX = keras.backend.backend() == "jax"
ITEMS, GENRES, LENGTH = 42, 7, 5
FEATURES = [
    {"name": "item", "kind": "categorical", "group": "item", "size": ITEMS},
    {"name": "genre", "kind": "categorical", "group": "item", "size": GENRES},
    {"name": "history", "kind": "sequence", "group": "history", "length": LENGTH, "of": "item"},
    {"name": "history_genre", "kind": "sequence", "group": "history", "length": LENGTH, "of": "genre"},
]
NAMES = ("din", "dien", "bst")


def genre_of(items):
    """Five genres, 2 to 6, and 0 at padding."""
    return np.where(items > 0, items % 5 + 2, 0).astype("int32")


def inputs_of(item, history):
    item, history = np.asarray(item, "int32"), np.asarray(history, "int32")
    return {"item": item, "genre": genre_of(item), "history": history, "history_genre": genre_of(history)}


def drawn(count, seed):
    rng = np.random.default_rng(seed)
    history = rng.integers(2, ITEMS, (count, LENGTH))
    history[np.arange(LENGTH) < LENGTH - rng.integers(2, LENGTH + 1, count)[:, None]] = 0
    return inputs_of(rng.integers(2, ITEMS, count), history)


def learned(model, inputs, labels, epochs, rate=0.01):
    keras.utils.set_random_seed(0)
    model.compile(Adam(rate), keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=ON_JAX)
    return fit_often(model, inputs, labels, epochs, batch_size=64)


def logits(model, inputs):
    return ops.convert_to_numpy(model(inputs))[:, 0]


@pytest.mark.slow
def test_an_irrelevant_event_moves_a_din_score_less_than_a_relevant_one():
    """A click is a candidate of a genre that the history knows."""
    inputs = drawn(1500, seed=0)
    labels = (inputs["history_genre"] == inputs["genre"][:, None]).any(axis=1).astype("float32")
    model = models.DIN(FEATURES, embedding_dim=8, attention_dims=[16], hidden_dims=[16], seed=0)
    learned(model, inputs, labels, epochs=15)
    unseen = drawn(300, seed=1)
    wanted = (unseen["history_genre"] == unseen["genre"][:, None]).any(axis=1)
    assert np.mean((logits(model, unseen) > 0) == wanted) > 0.9

    # Histories of a genre that is not the candidate's, and one event more: of a third genre, or of the candidate's.
    rng = np.random.default_rng(2)
    candidate = rng.integers(2, 37, 100)
    plain = np.stack([np.zeros(100, "int32"), candidate + 1, candidate + 1], axis=1)
    irrelevant, relevant = plain.copy(), plain.copy()
    irrelevant[:, 0], relevant[:, 0] = candidate + 2, candidate + 5
    base, little, much = (logits(model, inputs_of(candidate, each)) for each in (plain, irrelevant, relevant))
    assert np.median(np.abs(little - base)) * 3 < np.median(np.abs(much - base))
    weights = ops.convert_to_numpy(model.attention_weights(inputs_of(candidate, relevant))["history"])
    assert np.median(np.abs(weights[:, 0])) > 2 * np.median(np.abs(weights[:, 1:]))


def test_order_affects_dien_and_bst_but_not_din():
    inputs = rows(6, lengths=[6] * 6)
    turned = {key: values[:, ::-1] if key.startswith("history") else values for key, values in inputs.items()}
    moved = {name: np.abs(logits(made(name), turned) - logits(made(name), inputs)).max() for name in NAMES}
    assert moved["din"] < 1e-5 and moved["dien"] > 1e-3 and moved["bst"] > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "width", "rate", "epochs"), [(models.DIEN, 8, 0.02, 20), (models.BST, 16, 0.005, 40)], ids=["dien", "bst"]
)
def test_learns_that_the_newest_event_decides(kind, width, rate, epochs):
    """A click is a candidate of the genre of the newest event: as many have it elsewhere in the history."""
    inputs, unseen = drawn(1500, seed=0), drawn(300, seed=1)
    rng = np.random.default_rng(3)
    for given in (inputs, unseen):  # each candidate has the genre of one of the two newest events
        given["item"] = np.where(rng.random(len(given["item"])) < 0.5, given["history"][:, -1], given["history"][:, -2])
        given["genre"] = genre_of(given["item"])
    labels = (inputs["history_genre"][:, -1] == inputs["genre"]).astype("float32")
    model = kind(FEATURES, embedding_dim=width, hidden_dims=[2 * width], seed=0)
    learned(model, inputs, labels, epochs, rate)
    wanted = unseen["history_genre"][:, -1] == unseen["genre"]
    assert 0.5 < np.mean(wanted) < 0.75 and np.mean((logits(model, unseen) > 0) == wanted) > 0.9


def test_the_auxiliary_loss_is_added_only_in_training_with_its_weight():
    inputs = drawn(16, seed=0)
    losses = {}
    for weight in (0.0, 1.0, 2.0):
        model = models.DIEN(FEATURES, embedding_dim=4, hidden_dims=[4], auxiliary_weight=weight, seed=0)
        model(inputs, training=False)
        assert not model.losses
        model(inputs, training=True)
        losses[weight] = [float(ops.convert_to_numpy(loss)) for loss in model.losses]
    assert losses[0.0] == [] and len(losses[1.0]) == 1
    np.testing.assert_allclose(losses[2.0], [2 * losses[1.0][0]], rtol=1e-5)
    np.testing.assert_allclose(losses[1.0], 2 * np.log(2), atol=0.05)  # at the start nothing is known


@pytest.mark.slow
def test_the_auxiliary_loss_learns_the_next_event():
    """Each event follows the previous one in a cycle; the labels have no information."""
    start = np.random.default_rng(0).integers(0, ITEMS - 2, 1000)
    history = (start[:, None] + np.arange(LENGTH)) % (ITEMS - 2) + 2
    inputs = inputs_of(history[:, 0], history)
    model = models.DIEN(FEATURES, embedding_dim=8, hidden_dims=[4], seed=0)
    learned(model, inputs, np.tile([0.0, 1.0], 500), epochs=12, rate=0.02)
    model(inputs, training=True)
    (loss,) = model.losses
    assert float(ops.convert_to_numpy(loss)) < np.log(2)


def test_bst_reads_only_the_newest_events():
    model, inputs = made("bst"), rows(4, lengths=[6] * 4)
    older = {
        key: np.concatenate([values, values], axis=1) if key.startswith("history") else values
        for key, values in inputs.items()
    }
    np.testing.assert_allclose(logits(model, older), logits(model, inputs), atol=1e-6)


@pytest.mark.parametrize("kind", [models.DIN, models.DIEN, models.BST])
def test_features_without_a_history_raise_an_error(kind):
    with pytest.raises(ValueError, match="needs a feature 'item' and a sequence 'history' of it"):
        kind(FEATURES[:2])
