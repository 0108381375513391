"""The map that folds users in: a mean at first, then fitted to the training users by least squares."""

import keras
import numpy as np
import pytest

from tfrec.layers import FoldIn


def planted(seed=0, num_users=200, num_items=60, width=4):
    """Users whose vectors are an affine map of the mean of their items, in no order of ids."""
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(num_items + 2, width)).astype("float32")
    kernel, bias = rng.normal(size=(width, 3)), rng.normal(size=3)
    users, pairs = np.zeros((num_users + 2, 3), "float32"), []
    for user in range(2, num_users + 2):
        own = np.sort(rng.choice(num_items, rng.integers(1, 12), replace=False)) + 2
        users[user] = items[own].mean(axis=0) @ kernel + bias
        pairs += [(user, item) for item in own]
    return np.array(pairs, "int32"), users, items


def test_it_starts_as_the_mean_of_the_real_items():
    vectors = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    ids = np.array([[0, 1, 5, 9], [7, 7, 0, 3]])
    wanted = np.stack([vectors[0, 2:].mean(axis=0), vectors[1, [0, 1, 3]].mean(axis=0)])
    np.testing.assert_allclose(np.asarray(FoldIn(3)(vectors, ids)), wanted, atol=1e-6)
    np.testing.assert_allclose(np.asarray(FoldIn(2)(vectors, ids)), wanted[:, :2], atol=1e-6)


def test_a_history_without_known_items_gives_finite_numbers():
    assert np.isfinite(np.asarray(FoldIn(2)(np.ones((1, 3, 2), "float32"), np.array([[0, 1, 0]])))).all()


def test_recovers_a_planted_map():
    pairs, users, items = planted()
    layer = FoldIn(3)
    layer.build((None, None, 4))
    layer.solve(pairs, users, items)
    other = np.array([[5, 9, 30]])  # a user without items
    wanted = items[other[0]].mean(axis=0) @ np.asarray(layer.kernel) + np.asarray(layer.bias)
    np.testing.assert_allclose(np.asarray(layer(items[other], other))[0], wanted, atol=1e-5)
    own = pairs[pairs[:, 0] == 7, 1][None]
    np.testing.assert_allclose(np.asarray(layer(items[own], own))[0], users[7], atol=0.05)


def test_fitting_without_pairs_changes_nothing():
    layer = FoldIn(2)
    layer.build((None, None, 2))
    layer.solve(np.zeros((0, 2), "int32"), np.zeros((2, 2), "float32"), np.zeros((2, 2), "float32"))
    np.testing.assert_array_equal(np.asarray(layer.kernel), np.eye(2))


@pytest.mark.tensorflow
def test_its_weights_are_not_trainable_and_survive_saving(tmp_path):
    layer = FoldIn(3)
    vectors, ids = keras.Input((None, 4)), keras.Input((None,), dtype="int32")
    model = keras.Model([vectors, ids], layer(vectors, ids))
    assert not layer.trainable_weights and len(layer.weights) == 2
    layer.solve(*planted())
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    given = [np.ones((1, 2, 4), "float32"), np.array([[3, 4]])]
    np.testing.assert_array_equal(np.asarray(again(given)), np.asarray(model(given)))
