import keras
import numpy as np
from keras import ops

from tfrec.layers import ItemEmbedding


def made(**kwargs):
    layer = ItemEmbedding(num_ids=12, hidden_dim=4, **kwargs)
    layer.build((None, None))
    layer.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in layer.weights])
    return layer


def test_equals_the_formula():
    layer, ids = made(dropout=0.5), np.array([[0, 0, 11, 1], [2, 3, 2, 4]])
    (items,) = (ops.convert_to_numpy(w).astype("float64") for w in layer.weights)
    expected = 2.0 * items[ids] * (ids > 0)[..., None]  # sqrt(4) = 2
    np.testing.assert_allclose(ops.convert_to_numpy(layer(ids)), expected, atol=1e-6)


def test_dropout_is_applied_only_in_training():
    layer, ids = made(dropout=0.5), np.full((20, 10), 5)
    still, dropped = (ops.convert_to_numpy(layer(ids, training=training)) for training in (False, True))
    assert (still != 0).all() and 0.3 < (dropped == 0).mean() < 0.7


def test_survives_its_config():
    layer = made(dropout=0.2, seed=3, name="e")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


def test_the_seed_fixes_the_item_vectors():
    tables = []
    for seed in (1, 1, 2):
        layer = ItemEmbedding(9, 4, seed=seed)
        layer.build((None, None))
        tables.append(ops.convert_to_numpy(layer.items.embeddings))
    np.testing.assert_array_equal(tables[0], tables[1])
    assert (tables[0] != tables[2]).any()
