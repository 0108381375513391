import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import EncoderBlock

D = 4


def made(seed=0, **kwargs):
    layer = EncoderBlock(**kwargs)
    layer.build((None, None, D), (None, None))
    return drawn(layer, seed, 0.7)


def run(layer, x, mask):
    return [ops.convert_to_numpy(one) for one in layer(x.astype("float32"), mask, return_attention_scores=True)]


def padded_batch(seed=1):
    mask = np.arange(5) >= np.array([[0], [3], [5]])  # lengths 5, 2, 0
    return np.random.default_rng(seed).normal(size=(3, 5, D)), mask


def oracle(layer, x, mask):
    """The formula of the docstring with one head, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}

    def norm(x, name):
        centred = x - x.mean(axis=-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
        return unit * w[f"{name}/gamma"] + w[f"{name}/beta"]

    def dense(x, name):
        return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0)

    n = norm(x, "attention_norm")
    scores = dense(n, "attention/query_map") @ dense(n, "attention/key_map").swapaxes(1, 2) / np.sqrt(D)
    seen = mask[:, None] & (np.tril(np.ones((5, 5), bool)) if layer.causal else True)
    grown = np.exp(scores) * seen
    total = grown.sum(axis=-1, keepdims=True)
    weights = grown / np.where(total > 0, total, 1)
    h = x + dense(weights @ dense(n, "attention/value_map"), "attention/output_map")
    inner = np.maximum(dense(norm(h, "feed_forward_norm"), "feed_forward/expand"), 0)
    return h + dense(inner, "feed_forward/contract"), weights


@pytest.mark.parametrize("causal", [False, True])
def test_equals_the_formula(causal):
    layer, batch = made(causal=causal), padded_batch()
    (found, weights), (expected, shares) = run(layer, *batch), oracle(layer, *batch)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(weights[:, 0], shares, atol=1e-6)


def test_padding_is_inert():
    layer, (x, mask) = made(num_heads=2), padded_batch()
    expected = run(layer, x, mask)[0]
    changed = run(layer, np.where(mask[..., None], x, 7.0), mask)[0]
    np.testing.assert_allclose(changed[mask], expected[mask], atol=1e-6)


def test_survives_its_config():
    layer, batch = made(num_heads=2, causal=True), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, *batch)[0], run(layer, *batch)[0])
