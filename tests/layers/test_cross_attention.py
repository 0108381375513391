import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import CrossAttention

B, K, L, D, E = 3, 2, 5, 4, 3


def made(seed=0, **kwargs):
    layer = CrossAttention(**kwargs)
    layer.build((None, K, D), (None, None, E), (None, None))
    return drawn(layer, seed, 0.7)


def run(layer, queries, context, mask, **kwargs):
    found = layer(queries.astype("float32"), context.astype("float32"), mask, return_attention_scores=True, **kwargs)
    return [ops.convert_to_numpy(one) for one in found]


def padded_batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(L) >= np.array([[0], [3], [5]])  # lengths 5, 2, 0
    return rng.normal(size=(B, K, D)), rng.normal(size=(B, L, E)), mask


def oracle(layer, queries, context, mask):
    """The formula of the docstring, a head and a query at a time, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    each = D // layer.num_heads
    found, weights = np.zeros((B, K, D)), np.zeros((B, layer.num_heads, K, L))
    for b, h, k in np.ndindex(B, layer.num_heads, K):
        part = slice(h * each, (h + 1) * each)
        asked = (queries[b, k] @ w["query_map/kernel"] + w["query_map/bias"])[part]
        keys = (context[b] @ w["key_map/kernel"])[:, part]
        scores = keys @ asked / np.sqrt(each)
        if layer.qk_norm:
            cosines = keys @ asked / np.linalg.norm(keys, axis=1) / np.linalg.norm(asked)
            scores = np.exp(w["norm/temperature"][h, 0, 0]) * cosines
        grown = np.exp(scores) * mask[b]
        total = grown.sum() + (np.exp(w["abstain"][h]) if layer.may_abstain else 0)
        weights[b, h, k] = grown / total if total else 0
        found[b, k, part] = weights[b, h, k] @ (context[b] @ w["value_map/kernel"] + w["value_map/bias"])[:, part]
    return found @ w["output_map/kernel"] + w["output_map/bias"], weights


@pytest.mark.parametrize(
    "kwargs", [{}, {"num_heads": 2}, {"num_heads": 2, "may_abstain": True}, {"num_heads": 2, "qk_norm": True}], ids=str
)
def test_equals_the_formula(kwargs):
    layer, batch = made(**kwargs), padded_batch()
    for found, expected in zip(run(layer, *batch), oracle(layer, *batch), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("may_abstain", [False, True])
def test_weights_sum_to_one_unless_all_is_padding(may_abstain):
    weights = run(made(may_abstain=may_abstain), *padded_batch())[1].sum(axis=-1)
    assert (weights[2] == 0).all()
    if may_abstain:
        assert (weights[:2] > 0).all() and (weights[:2] < 1).all()
    else:
        np.testing.assert_allclose(weights[:2], 1, atol=1e-6)


def test_padding_is_inert():
    layer, (queries, context, mask) = made(num_heads=2, may_abstain=True), padded_batch()
    expected = run(layer, queries, context, mask)[0]
    np.testing.assert_array_equal(run(layer, queries, np.where(mask[..., None], context, 7.0), mask)[0], expected)
    longer = np.concatenate([np.full((B, 4, E), 7.0), context], axis=1)
    np.testing.assert_allclose(run(layer, queries, longer, np.pad(mask, ((0, 0), (4, 0))))[0], expected, atol=1e-6)


def test_a_context_of_padding_has_finite_gradients(value_and_gradients):
    layer, (queries, context, mask) = made(), padded_batch()

    def total(queries, context):
        return ops.sum(layer(queries, context, mask))

    _, gradients = value_and_gradients(total, queries.astype("float32"), context.astype("float32"))
    assert all(np.isfinite(gradient).all() for gradient in gradients) and not gradients[1][2].any()


def test_dropout_is_applied_only_in_training():
    layer, batch = made(dropout=0.5, seed=0), padded_batch()
    assert (run(layer, *batch)[0] == run(made(seed=0), *batch)[0]).all()
    assert np.abs(run(layer, *batch, training=True)[0] - run(layer, *batch)[0]).max() > 0.01


def test_half_precision_computes_weights_in_float32():
    queries, context, mask = padded_batch()
    layer = CrossAttention(dtype="mixed_float16")
    found, weights = layer(queries.astype("float16"), context.astype("float16"), mask, return_attention_scores=True)
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="num_heads must divide width: got num_heads=3"):
        CrossAttention(num_heads=3).build((None, K, D), (None, None, E))


def test_survives_its_config():
    layer, batch = made(num_heads=2, may_abstain=True), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, *batch)[0], run(layer, *batch)[0])
