"""Propagation over the graph of interactions, against the dense matrix."""

import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import GraphVectors

USERS, ITEMS = np.array([2, 2, 3, 4, 4, 2]), np.array([2, 3, 3, 4, 2, 2])  # the first and the last pair are one edge


def made(combine="mean", num_layers=3, connected=True):
    layer = GraphVectors(6, 7, 4, num_layers=num_layers, combine=combine, seed=0)
    layer.build()
    if connected:
        layer.connect(USERS, ITEMS)
    draw = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        weight.assign(draw.normal(size=weight.shape))
    return layer


def numpy(values):
    return ops.convert_to_numpy(values)


def by_hand(layer):
    """Propagation by powers of one matrix of users and items."""
    adjacency = np.zeros((13, 13))
    for user, item in zip(USERS, ITEMS, strict=True):
        adjacency[user, 6 + item] = adjacency[6 + item, user] = 1
    degrees = np.maximum(adjacency.sum(1), 1)
    normal = adjacency / np.sqrt(degrees[:, None] * degrees)
    steps = [np.concatenate([numpy(layer._users), numpy(layer._items)]).astype("float64")]
    for _ in range(layer.num_layers):
        steps.append(normal @ steps[-1])
    if layer.combine == "mean":
        return np.mean(steps, axis=0), None
    logits = np.stack([step @ numpy(layer.layer_query) / 2 for step in steps], 1)
    weights = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return sum(weights[:, k : k + 1] * step for k, step in enumerate(steps)), weights


@pytest.mark.parametrize("combine", ["mean", "attention"])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_equals_the_dense_formula(combine, num_layers):
    layer = made(combine, num_layers)
    expected, weights = by_hand(layer)
    np.testing.assert_allclose(np.concatenate([numpy(part) for part in layer.propagate()]), expected, atol=1e-6)
    np.testing.assert_allclose(numpy(layer(np.array([[2, 4]]))), expected[[[2, 4]]], atol=1e-6)
    if weights is None:
        assert layer.layer_weights() is None
    else:
        np.testing.assert_allclose(np.concatenate([numpy(w) for w in layer.layer_weights()]), weights, atol=1e-6)


@pytest.mark.parametrize("combine", ["mean", "attention"])
def test_fold_keeps_the_vectors_and_forgets_the_graph(combine):
    layer = made(combine)
    before = [numpy(part) for part in layer.propagate()]
    layer.fold()
    layer.fold()  # a second time does nothing
    assert not layer.is_connected and len(layer.trainable_weights) == 2
    for now, then in zip(layer.propagate(), before, strict=True):
        np.testing.assert_allclose(numpy(now), then, atol=1e-6)


@pytest.mark.parametrize("combine", ["mean", "attention"])
def test_a_file_holds_the_propagated_and_the_trained_vectors(combine):
    layer, store = made(combine), {}
    layer.save_own_variables(store)
    plain, again = made(combine, connected=False), made(combine)
    plain.load_own_variables(store)
    for weight in again.trainable_weights:
        weight.assign(np.zeros(weight.shape))
    again.load_own_variables(store)
    for other in (plain, again):
        for now, then in zip(other.propagate(), layer.propagate(), strict=True):
            np.testing.assert_allclose(numpy(now), numpy(then), atol=1e-6)
    np.testing.assert_array_equal(numpy(again._users), numpy(layer._users))
    np.testing.assert_allclose(numpy(plain.item_scale)[2:5], 1 / np.sqrt([2, 2, 1]), rtol=1e-6)


def test_a_node_learns_from_its_neighbours(value_and_gradients):
    """The loss reads one item; every user and item within reach has a gradient, and no other node."""
    layer = made(num_layers=2)

    def loss(users):
        with keras.StatelessScope(state_mapping=[(layer._users, users)]):
            return ops.sum(layer.propagate()[1][4])

    _, [gradient] = value_and_gradients(loss, numpy(layer._users))
    assert np.flatnonzero(np.abs(gradient).sum(1)).tolist() == [4]


def test_the_gradient_is_that_of_the_dense_formula(value_and_gradients):
    layer = made(num_layers=3)
    wanted = np.random.default_rng(1).normal(size=(7, 4)).astype("float32")

    def loss(users):
        with keras.StatelessScope(state_mapping=[(layer._users, users)]):
            return ops.sum(layer.propagate()[1] * wanted)

    _, [gradient] = value_and_gradients(loss, numpy(layer._users))
    dense = by_hand(layer)[0]
    for user, column in ((2, 0), (4, 3)):
        moved = np.eye(24)[user * 4 + column].reshape(6, 4)
        layer._users.assign(numpy(layer._users) + moved)
        assert np.sum((by_hand(layer)[0] - dense)[6:] * wanted) == pytest.approx(gradient[user, column], abs=1e-4)
        layer._users.assign(numpy(layer._users) - moved)


def test_memory_grows_with_the_edges_only():
    """A dense matrix of these nodes would have 1e12 cells."""
    layer = GraphVectors(1_000_000, 1_000_000, 1, num_layers=1)
    layer.build()
    layer.connect(np.array([5]), np.array([7]))
    users, _ = layer.propagate()
    assert float(users[5, 0]) == pytest.approx((float(layer._users[5, 0]) + float(layer._items[7, 0])) / 2)


@pytest.mark.parametrize(
    ("users", "items", "text"),
    [
        ([2, 6], [2, 3], "user_ids must lie between 0 and 5"),
        ([2, 3], [2, -1], "item_ids must lie between 0 and 6"),
        ([2.0, 3.0], [2, 3], "integer ids, got float64"),
        ([2, 3], [2], "got 2 users, 1 items"),
    ],
)
def test_invalid_edges_raise_an_error(users, items, text):
    with pytest.raises(ValueError, match=text):
        made(connected=False).connect(np.array(users), np.array(items))


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="combine must be one of mean, attention, got 'sum'"):
        GraphVectors(5, 5, 4, combine="sum")
    with pytest.raises(ValueError, match="call build"):
        GraphVectors(5, 5, 4).connect(USERS, ITEMS)
