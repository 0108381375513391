"""Attention layers return their scores only on request; they are the recorded ones, also in functional models."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tfrec import layers
from tfrec.layers.attention_record import attention_record

B, L, D, H = 2, 5, 8, 2
REAL = np.array([[False, False, True, True, True], [True] * L])

SEQUENCES = {
    "EncoderBlock": (lambda: layers.EncoderBlock(H), "x", [(B, H, L, L)]),
    "SelfAttentionBlock": (lambda: layers.SelfAttentionBlock(layers.SoftmaxAttention(H)), "x", [(B, H, L, L)]),
    "HSTUBlock": (lambda: layers.HSTUBlock(L, H), "x", [(B, H, L, L)]),
    "MultiInterestPooling": (lambda: layers.MultiInterestPooling(3, L), "x", [(B, L, 3, L)]),
    "CrossAttention": (lambda: layers.CrossAttention(H), "qx", [(B, H, L, L)]),
    "SoftmaxAttention": (lambda: layers.SoftmaxAttention(H), "qx", [(B, H, L, L)]),
    "LinearAttention": (lambda: layers.LinearAttention(H, dropout=0.5), "qx", [(B, H, L, L)]),
    "BlockSparseAttention": (lambda: layers.BlockSparseAttention(H, block_size=2), "qx", [(B, H, L, L)]),
    "SegmentRecurrentAttention": (lambda: layers.SegmentRecurrentAttention(H, segment_size=2), "qx", [(B, H, L, L)]),
    "AdditivePooling": (lambda: layers.AdditivePooling(), "qx", [(B, L, L)]),
    "LongShortPooling": (lambda: layers.LongShortPooling(2), "qx", [(B, L, L), (B, L, L + 1)]),
    "CandidateAttention": (lambda: layers.CandidateAttention(H), "vx", [(B, H, L)]),
    "TimeIntervalAttention": (lambda: layers.TimeIntervalAttention(L, H), "qx", [(B, H, L, L)]),
}
FIELDS = {
    "InteractingAttention": (lambda: layers.InteractingAttention(H, 4), "x", [(B, H, L, L)]),
    "AttentionalPairPooling": (lambda: layers.AttentionalPairPooling(4), "x", [(B, L * (L - 1) // 2)]),
}
CASES = SEQUENCES | FIELDS


def given(name):
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(B, L, D)), "q": rng.normal(size=(B, L, D)), "v": rng.normal(size=(B, D))}
    inputs = [arrays[one].astype("float32") for one in CASES[name][1]] + [REAL] * (name in SEQUENCES)
    return inputs + [rng.integers(0, 64, (B, L, L)).astype("int32")] * (name == "TimeIntervalAttention")


@pytest.mark.parametrize("name", CASES)
def test_scores_are_returned_on_request(name):
    make, _, shapes = CASES[name]
    layer, inputs = make(), given(name)
    alone = layer(*inputs)
    assert ops.is_tensor(alone)
    outputs, scores = layer(*inputs, return_attention_scores=True)
    real = REAL if name in SEQUENCES and outputs.ndim > 2 else slice(None)  # outputs at padding have no meaning
    np.testing.assert_allclose(np.asarray(outputs)[real], np.asarray(alone)[real], atol=1e-6)
    scores = scores if isinstance(scores, tuple) else (scores,)
    assert [tuple(one.shape) for one in scores] == shapes
    with attention_record() as recorded:
        layer(*inputs)
    assert len(recorded) == len(scores)
    for one, other in zip(scores, recorded, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)

    tensors = [keras.Input(one.shape[1:], dtype=str(one.dtype)) for one in inputs]
    found = keras.tree.flatten(layer(*tensors, return_attention_scores=True))
    assert [tuple(one.shape) for one in found] == [(None, *one.shape[1:]) for one in (alone, *scores)]
    alone_spec = layer(*tensors)
    assert isinstance(alone_spec, keras.KerasTensor) and alone_spec.shape == (None, *alone.shape[1:])


def test_an_attention_that_cannot_return_scores_raises_an_error():
    class Mean(keras.layers.Layer):
        def build(self, *shapes):
            self.built = True

        def call(self, queries, context, padding_mask, training=None):
            return queries * 0 + ops.mean(context, axis=1, keepdims=True)

    block = layers.SelfAttentionBlock(Mean())
    assert ops.is_tensor(block(*given("EncoderBlock")))
    with pytest.raises(ValueError, match="attention, Mean, has no argument return_attention_scores"):
        block(*given("EncoderBlock"), return_attention_scores=True)


def test_models_saved_by_versions_that_always_returned_scores_still_load():
    x, mask = keras.Input((L, D)), keras.Input((L,), dtype="bool")
    outputs = []
    for name in ("EncoderBlock", "CrossAttention", "CandidateAttention", *FIELDS):
        make, arguments, _ = CASES[name]
        tensors = [x[:, -1] if one == "v" else x for one in arguments] + [mask] * (name in SEQUENCES)
        outputs += make()(*tensors, return_attention_scores=True)
    model = keras.Model([x, mask], outputs)

    def as_saved_then(value):
        dropped = ("scores_on_request", "return_attention_scores")
        if isinstance(value, dict):
            return {name: as_saved_then(one) for name, one in value.items() if name not in dropped}
        return [as_saved_then(one) for one in value] if isinstance(value, list) else value

    now = json.loads(model.to_json())
    assert json.dumps(as_saved_then(now)).count("shape") and as_saved_then(now) != now
    old = keras.models.model_from_json(json.dumps(as_saved_then(now)))
    again = keras.models.model_from_json(old.to_json())
    inputs = given("EncoderBlock")
    for other in (old, again):
        other.set_weights(model.get_weights())
        for one, expected in zip(other(inputs), model(inputs), strict=True):
            np.testing.assert_array_equal(one, expected)
