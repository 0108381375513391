"""Recorded weights are those of the layer: with them, NumPy computes the same output."""

import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec import layers
from tfrec.layers.attention_record import attention_record, is_recorded

B, L, D, H = 2, 5, 6, 2
MASK = np.array([[False, True, True, True, True], [True] * 5])


def made(layer, inputs=2):
    layer.build(*[(None, None, D)] * inputs)
    return drawn(layer, 0, 0.5)


def asked(layer, *inputs):
    """The layer's output and its weights."""
    with attention_record() as found:
        outputs = layer(*inputs)
    assert not is_recorded()
    outputs, plain = (ops.convert_to_numpy(y) for y in (outputs, layer(*inputs)))
    np.testing.assert_allclose(outputs[MASK], plain[MASK], atol=1e-5)  # recording changes nothing
    assert found[0].shape[-1] >= L
    return outputs, [ops.convert_to_numpy(weights) for weights in found]


def vectors(seed=1):
    return np.random.default_rng(seed).normal(size=(B, L, D)).astype("float32")


def test_softmax_attention_records_its_weights():
    layer, x = made(layers.SoftmaxAttention(num_heads=H)), vectors()
    y, (weights,) = asked(layer, x, x, MASK)
    (_, _, _, _, kernel, bias, out, out_bias) = (np.asarray(w) for w in layer.heads.get_weights())
    values = np.einsum("bjd,dhe->bhje", x, kernel) + bias[None, :, None]
    again = np.einsum("bhij,bhje,hed->bid", weights, values, out) + out_bias
    np.testing.assert_allclose(y[MASK], again[MASK], atol=1e-5)


def test_additive_pooling_records_its_weights():
    x = vectors()
    y, (weights,) = asked(made(layers.AdditivePooling()), vectors(2), x, MASK)
    np.testing.assert_allclose(y[MASK], (weights @ x)[MASK], atol=1e-5)
    np.testing.assert_array_equal(weights[0, :, 0], 0)  # padding


def test_long_short_pooling_records_both_levels():
    x = vectors()
    y, (long, short) = asked(made(layers.LongShortPooling(short_term=2)), vectors(2), x, MASK)
    again = short[..., :L] @ x + short[..., L:] * (long @ x)
    np.testing.assert_allclose(y[MASK], again[MASK], atol=1e-5)
    np.testing.assert_allclose(short.sum(-1)[MASK], 1, atol=1e-5)


def test_multi_interest_pooling_records_its_weights():
    x = vectors()
    y, (weights,) = asked(made(layers.MultiInterestPooling(3, max_length=L), 1), x, MASK)
    np.testing.assert_allclose(y[MASK], np.einsum("bikj,bjd->bikd", weights, x)[MASK], atol=1e-5)


def test_hstu_attention_records_its_weights():
    layer, x = made(layers.HSTUBlock(max_length=L, num_heads=H), 1), vectors()
    y, (weights,) = asked(layer, x, MASK)
    normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    parts = ops.convert_to_numpy(layer.expand(normed))
    gates, values = parts[..., :D], parts[..., D : 2 * D].reshape(B, L, H, D // H)
    attended = np.einsum("bhij,bjhe->bihe", weights, values).reshape(B, L, D)
    attended = (attended - attended.mean(-1, keepdims=True)) / np.sqrt(attended.var(-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(y[MASK], (x + ops.convert_to_numpy(layer.contract(attended * gates)))[MASK], atol=1e-4)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (layers.BlockSparseAttention, {"block_size": 2, "random_blocks": 1, "window_blocks": 0}),
        (layers.SegmentRecurrentAttention, {"segment_size": 2}),
        (layers.LinearAttention, {"chunk_size": 2}),
    ],
)
def test_attention_for_long_histories_records_its_weights(kind, arguments, causal):
    layer, x = made(kind(num_heads=H, causal=causal, **arguments)), vectors()
    y, (weights,) = asked(layer, x, x, MASK)
    values = ops.convert_to_numpy(layer.value(x)).reshape(B, L, H, D // H)
    again = ops.convert_to_numpy(layer.merge(np.einsum("bhij,bjhe->bihe", weights, values).reshape(B, L, D)))
    np.testing.assert_allclose(y[MASK], again[MASK], atol=1e-5)
    if causal:
        assert np.abs(np.triu(weights[1], 1)).max() < 1e-7  # outputs at padding are meaningless
