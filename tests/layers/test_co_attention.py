import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import CoAttention

B, K, L, D, E = 3, 2, 5, 4, 3


def made(seed=0, **kwargs):
    layer = CoAttention(**kwargs)
    layer.build((None, K, D), (None, None, E), (None, None))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0, 0.7, w.shape) for w in layer.weights])
    return layer


def run(layer, queries, context, mask, **kwargs):
    found = layer(queries.astype("float32"), context.astype("float32"), mask, return_attention_scores=True, **kwargs)
    return [ops.convert_to_numpy(one) for one in found]


def padded_batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(L) >= np.array([[0], [3], [5]])  # lengths 5, 2, 0
    return rng.normal(size=(B, K, D)), rng.normal(size=(B, L, E)), mask


def oracle(layer, queries, context, mask):
    """The formula of the docstring, a row and a head at a time, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}

    def norm(x, name):
        centred = x - x.mean(axis=-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
        return unit * w[f"{name}/gamma"] + w[f"{name}/beta"]

    def dense(x, name):
        return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0)

    each = D // layer.num_heads
    to_x, to_y = np.zeros((B, K, D)), np.zeros((B, L, D))
    a, b = np.zeros((B, layer.num_heads, K, L)), np.zeros((B, layer.num_heads, L, K))
    for row, head in np.ndindex(B, layer.num_heads):
        part = slice(head * each, (head + 1) * each)
        asked = dense(norm(queries[row], "query_norm"), "query_map")[:, part]
        keys = dense(norm(context[row], "context_norm"), "key_map")[:, part]
        grown = np.exp(asked @ keys.T / np.sqrt(each))
        nothing = np.exp(w["abstain"][head]) if layer.may_abstain else 0.0
        total = (grown * mask[row]).sum(axis=1, keepdims=True) + nothing
        a[row, head] = np.where(total > 0, grown * mask[row] / np.where(total > 0, total, 1), 0)
        b[row, head] = (grown / grown.sum(axis=0)).T
        to_x[row, :, part] = a[row, head] @ dense(context[row], "context_value_map")[:, part]
        to_y[row, :, part] = b[row, head] @ dense(queries[row], "query_value_map")[:, part]
    return dense(to_x, "query_output_map"), dense(to_y, "context_output_map"), a, b


@pytest.mark.parametrize("kwargs", [{}, {"num_heads": 2}, {"num_heads": 2, "may_abstain": True}], ids=str)
def test_equals_the_formula(kwargs):
    layer, batch = made(**kwargs), padded_batch()
    for found, expected in zip(run(layer, *batch), oracle(layer, *batch), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_padding_is_inert():
    layer, (queries, context, mask) = made(num_heads=2, may_abstain=True), padded_batch()
    to_x, to_y, *_ = run(layer, queries, context, mask)
    other = run(layer, queries, np.where(mask[..., None], context, 7.0), mask)
    np.testing.assert_array_equal(other[0], to_x)
    np.testing.assert_array_equal(other[1][mask], to_y[mask])
    longer = np.concatenate([np.full((B, 4, E), 7.0), context], axis=1)
    np.testing.assert_allclose(run(layer, queries, longer, np.pad(mask, ((0, 0), (4, 0))))[0], to_x, atol=1e-6)


def test_scores_are_returned_on_request_in_a_functional_graph():
    queries, context, mask = keras.Input((K, D)), keras.Input((None, E)), keras.Input((None,), dtype="bool")
    assert [tuple(one.shape) for one in CoAttention()(queries, context, mask)] == [(None, K, D), (None, None, D)]
    with_scores = CoAttention()(queries, context, mask, return_attention_scores=True)
    assert [len(one.shape) for one in with_scores] == [3, 3, 4, 4]


def test_half_precision_computes_weights_in_float32():
    queries, context, mask = padded_batch()
    layer = CoAttention(dtype="mixed_float16")
    found = layer(queries.astype("float16"), context.astype("float16"), mask, return_attention_scores=True)
    assert [keras.backend.standardize_dtype(one.dtype) for one in found] == ["float16"] * 2 + ["float32"] * 2


def test_survives_its_config():
    layer, batch = made(num_heads=2, may_abstain=True), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, *batch)[1], run(layer, *batch)[1])
