import keras
import numpy as np
from keras import ops

from tfrec.layers import SequenceEmbedding


def made(**kwargs):
    layer = SequenceEmbedding(num_ids=12, hidden_dim=4, max_length=6, **kwargs)
    layer.build((None, None))
    layer.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in layer.weights])
    return layer


def test_equals_the_formula():
    layer = made()
    items, positions = (ops.convert_to_numpy(w).astype("float64") for w in layer.weights)
    ids = np.array([[0, 0, 11, 1], [2, 3, 2, 4]])
    y = ops.convert_to_numpy(layer(ids))
    expected = np.zeros((2, 4, 4))
    for b, t in zip(*np.nonzero(ids), strict=True):
        expected[b, t] = 2.0 * items[ids[b, t]] + positions[6 - 4 + t]  # sqrt(4) = 2
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_left_padding_changes_nothing():
    layer = made(dropout=0.5)
    short, long = layer(np.array([[7, 8]])), layer(np.array([[0, 0, 0, 7, 8]]))
    np.testing.assert_array_equal(ops.convert_to_numpy(long)[:, 3:], ops.convert_to_numpy(short))


def test_survives_its_config():
    layer = made(dropout=0.2, seed=3, name="e")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


def test_the_seed_fixes_the_item_vectors():
    one, two, other = (SequenceEmbedding(9, 4, 5, seed=seed) for seed in (1, 1, 2))
    tables = []
    for layer in (one, two, other):
        layer.build((None, None))
        tables.append(ops.convert_to_numpy(layer.items.embeddings))
    np.testing.assert_array_equal(tables[0], tables[1])
    assert (tables[0] != tables[2]).any()
