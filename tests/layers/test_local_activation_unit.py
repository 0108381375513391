import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import LocalActivationUnit

W = 4


def made(seed=0, **kwargs):
    layer = LocalActivationUnit(**{"hidden_dims": [6, 3], **kwargs})
    layer.build((None, W), (None, None, W), (None, None))
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        drawn = rng.normal(0, 0.7, weight.shape)
        weight.assign(np.abs(drawn) + 0.5 if "variance" in weight.path else drawn)
    return layer


def batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [3], [5]])  # lengths 5, 2, 0
    return rng.normal(size=(3, W)).astype("float32"), rng.normal(size=(3, 5, W)).astype("float32"), mask


def oracle(layer, query, keys, mask):
    """The concatenation and the maps of the docstring, an event at a time, in float64.

    The first map of four parts is built from the layer's three maps: the part of q - k comes from those of q and k.
    """
    weights = {v.path.split("/", 1)[-1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    of_difference = np.random.default_rng(5).normal(size=weights["key_map"].shape)
    parts = (weights["query_map"] - of_difference, weights["key_map"] + of_difference, of_difference)
    first = np.concatenate([*parts, weights["product_map"]])
    found = np.zeros(mask.shape)
    for b, t in np.argwhere(mask):
        q, k = query[b].astype("float64"), keys[b, t].astype("float64")
        x = np.concatenate([q, k, q - k, q * k]) @ first + weights["bias"]
        for i, name in enumerate(["map_1", "to_weight"]):
            mean, variance = weights[f"dice_{i}/moving_mean"], weights[f"dice_{i}/moving_variance"]
            p = 1 / (1 + np.exp(-(x - mean) / np.sqrt(variance + 1e-6)))
            x = p * x + (1 - p) * weights[f"dice_{i}/alpha"] * x
            x = x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]
        found[b, t] = x[0]
    if layer.softmax:
        shares = np.where(mask, np.exp(found), 0)
        found = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    return found


@pytest.mark.parametrize("softmax", [False, True])
def test_equals_the_formula(softmax):
    layer, given = made(softmax=softmax), batch()
    np.testing.assert_allclose(ops.convert_to_numpy(layer(*given)), oracle(layer, *given), atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_padding_is_inert(training):
    query, keys, mask = batch()
    found = [
        ops.convert_to_numpy(made()(query, np.where(mask[..., None], keys, filling), mask, training=training))
        for filling in (0.0, 100.0)
    ]
    np.testing.assert_array_equal(*found)
    longer = np.concatenate([np.full((3, 4, W), 7.0, "float32"), keys], axis=1)
    with_more = ops.convert_to_numpy(made()(query, longer, np.pad(mask, ((0, 0), (4, 0))), training=training))
    np.testing.assert_allclose(with_more[:, 4:], found[0], atol=1e-5)
    assert not with_more[:, :4].any() and not found[0][2].any()


def test_survives_its_config():
    layer, given = made(softmax=True, seed=3), batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(ops.convert_to_numpy(again(*given)), ops.convert_to_numpy(layer(*given)))


@pytest.mark.parametrize("wrong", [[], [0], [True], [3, 1.5]])
def test_widths_are_positive_integers(wrong):
    with pytest.raises(ValueError, match=r"hidden_dims (must be a positive integer|must hold at least one width)"):
        LocalActivationUnit(wrong)
