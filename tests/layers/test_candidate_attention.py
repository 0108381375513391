import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import CandidateAttention

W = 6


def made(heads=2, seed=0, **kwargs):
    layer = CandidateAttention(heads, **kwargs)
    layer.build((None, W), (None, None, W), (None, None))
    return drawn(layer, seed, 0.7)


def batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [3], [4]])
    return rng.normal(size=(3, W)).astype("float32"), rng.normal(size=(3, 5, W)).astype("float32"), mask


def run(layer, *given, **kwargs):
    return [ops.convert_to_numpy(each) for each in layer(*given, return_attention_scores=True, **kwargs)]


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_equals_keras_multi_head_attention_for_one_query(heads):
    """As Keras computes it, with every position mapped to a key and a value."""
    layer, (query, context, mask) = made(heads), batch()
    plain = keras.layers.MultiHeadAttention(heads, W // heads)
    plain.build((None, 1, W), (None, None, W))
    weights = {v.path.split("/", 1)[-1]: ops.convert_to_numpy(v) for v in layer.weights}
    into, out = (W, heads, W // heads), (heads, W // heads, W)
    by_name = {
        "query/kernel": weights["query_map/kernel"].reshape(into),
        "query/bias": weights["query_map/bias"].reshape(into[1:]),
        "key/kernel": weights["key_map"].reshape(into),
        "key/bias": np.random.default_rng(2).normal(size=into[1:]),  # it cancels
        "value/kernel": weights["value_map"].reshape(into),
        "value/bias": weights["value_bias"].reshape(into[1:]),
        "attention_output/kernel": weights["merge/kernel"].reshape(out),
        "attention_output/bias": weights["merge/bias"],
    }
    for weight in plain.weights:
        weight.assign(by_name["/".join(weight.path.split("/")[-2:])])
    expected = plain(query[:, None], context, context, attention_mask=mask[:, None], return_attention_scores=True)
    found, shares = run(layer, query, context, mask)
    np.testing.assert_allclose(found, ops.convert_to_numpy(expected[0])[:, 0], atol=1e-5)
    np.testing.assert_allclose(shares, ops.convert_to_numpy(expected[1])[:, :, 0], atol=1e-5)


def test_equals_the_formula():
    layer, (query, context, mask) = made(), batch()
    w = {v.path.split("/", 1)[-1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    asked = query @ w["query_map/kernel"] + w["query_map/bias"]
    found, shares = run(layer, query, context, mask)
    for b in range(3):
        heads = []
        for h in range(2):
            part = slice(3 * h, 3 * h + 3)
            scores = context[b] @ w["key_map"][:, part] @ asked[b, part] / np.sqrt(3)
            weights = np.where(mask[b], np.exp(scores), 0)
            weights /= weights.sum()
            np.testing.assert_allclose(shares[b, h], weights, atol=1e-5)
            heads.append(weights @ context[b] @ w["value_map"][:, part] + w["value_bias"][part])
        expected = np.concatenate(heads) @ w["merge/kernel"] + w["merge/bias"]
        np.testing.assert_allclose(found[b], expected, atol=1e-5)


def test_padding_is_inert():
    layer, (query, context, mask) = made(), batch()
    expected = run(layer, query, context, mask)
    changed = run(layer, query, np.where(mask[..., None], context, 50.0).astype("float32"), mask)
    for one, other in zip(changed, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.isfinite(run(layer, query, context, np.zeros_like(mask))[0]).all()


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="num_heads must divide width: got num_heads=4, width=6"):
        made(heads=4)


def test_survives_its_config():
    layer, given = made(3, dropout=0.5), batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, *given)[0], run(layer, *given)[0])
