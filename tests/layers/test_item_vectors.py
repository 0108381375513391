import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import ItemVectors, SequenceEmbedding

ATTRIBUTES = np.array([[0, 0, 0], [0, 0, 0], [3, 1, 0], [1, 0, 0], [2, 1, 4]])  # and ids 5, 6 have none


def made(**kwargs):
    layer = ItemVectors(7, 4, **kwargs)
    layer.build((None,))
    layer.share(ATTRIBUTES, seed=0)
    layer.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in layer.weights])
    return layer


def numpy(values):
    return ops.convert_to_numpy(values)


def by_hand(layer):
    own, shared = (numpy(weight).astype("float64") for weight in layer.weights)
    rows = []
    for item in range(7):
        those = [a for a in (ATTRIBUTES[item] if item < 5 else []) if a]
        rows.append(own[item] + sum((shared[a] for a in those), np.zeros(4)) / max(len(those), 1) ** 0.5)
    return np.stack(rows)


def test_equals_the_formula():
    layer, ids = made(), np.array([[0, 2, 4], [6, 3, 1]])
    np.testing.assert_allclose(numpy(layer.embeddings), by_hand(layer), atol=1e-6)
    np.testing.assert_allclose(numpy(layer(ids)), by_hand(layer)[ids], atol=1e-6)


def test_fold_gives_a_plain_table_with_the_same_vectors():
    layer = made()
    before = by_hand(layer)
    layer.fold()
    layer.fold()  # a second time does nothing
    [rows] = layer.get_weights()
    np.testing.assert_allclose(rows, before, atol=1e-6)
    np.testing.assert_array_equal(numpy(layer(np.array([4]))), rows[[4]])
    assert len(layer.trainable_variables) == 1


def test_an_item_learns_through_its_shared_attributes(value_and_gradients):
    layer = made()

    def loss(shared):
        with keras.StatelessScope(state_mapping=[(layer.attribute_vectors, shared)]):
            return ops.sum(layer(np.array([3]))) + 2 * ops.sum(layer.embeddings[2])

    _, [gradient] = value_and_gradients(loss, numpy(layer.attribute_vectors))
    expected = np.zeros((5, 4))
    expected[1], expected[3] = 1 + 2 / 2**0.5, 2 / 2**0.5
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


@pytest.mark.tensorflow
def test_a_table_saved_with_attributes_loads_as_a_plain_table(tmp_path):
    history = keras.Input((None,), dtype="int32")
    embedding = SequenceEmbedding(7, 4, 5)
    model = keras.Model(history, embedding(history))
    embedding.items.share(ATTRIBUTES)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    ids = np.array([[0, 2, 4, 6]])
    np.testing.assert_allclose(numpy(again(ids)), numpy(model(ids)), atol=1e-6)
    assert len(again.weights) == len(model.weights) - 1


@pytest.mark.tensorflow
@pytest.mark.parametrize(("shares_there", "shares_here"), [(True, True), (True, False), (False, True)])
def test_weights_load_with_and_without_attributes(tmp_path, shares_there, shares_here):
    def copy(shares, seed):
        history = keras.Input((None,), dtype="int32")
        embedding = SequenceEmbedding(7, 4, 5)
        model = keras.Model(history, embedding(history))
        if shares:
            embedding.items.share(ATTRIBUTES)
        rng = np.random.default_rng(seed)
        model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
        return model

    there, here, ids = copy(shares_there, 0), copy(shares_here, 1), np.array([[0, 2, 4, 6]])
    there.save_weights(tmp_path / "a.weights.h5")
    here.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_allclose(numpy(here(ids)), numpy(there(ids)), atol=1e-5)
    if shares_there and shares_here:
        for mine, theirs in zip(here.get_weights(), there.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("wrong", [np.zeros((8, 1), int), np.zeros(5, int), np.zeros((5, 1)), -np.ones((5, 1), int)])
def test_invalid_attributes_raise_an_error(wrong):
    layer = ItemVectors(7, 4)
    layer.build()
    with pytest.raises(ValueError, match=r"attributes must .* got"):
        layer.share(wrong)


def test_attributes_can_be_shared_once_and_only_before_quantization():
    layer = made()
    with pytest.raises(ValueError, match="once"):
        layer.share(ATTRIBUTES)
    with pytest.raises(ValueError, match="fold"):
        layer.quantize("int8")
    with pytest.raises(ValueError, match="built"):
        ItemVectors(7, 4).share(ATTRIBUTES)
