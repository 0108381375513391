"""Layers with a padding mask use the Keras mask if none is given, also inside a saved functional model."""

import keras
import numpy as np
import pytest
from keras import ops

from tfrec import layers

pytestmark = pytest.mark.tensorflow

IDS = np.array([[0, 0, 3, 4, 5], [0, 1, 2, 6, 7]])
REAL = IDS != 0
X, Q = (np.random.default_rng(seed).normal(size=(2, 5, 8)).astype("float32") for seed in (0, 1))

# class -> how it is built, and its inputs before the mask: x and queries q
CASES = {
    "SelfAttentionBlock": (lambda: layers.SelfAttentionBlock(), "x"),
    "HSTUBlock": (lambda: layers.HSTUBlock(max_length=5, num_heads=2), "x"),
    "EncoderBlock": (lambda: layers.EncoderBlock(num_heads=2), "x"),
    "MultiInterestPooling": (lambda: layers.MultiInterestPooling(2, 5), "x"),
    "SoftmaxAttention": (lambda: layers.SoftmaxAttention(), "qx"),
    "LinearAttention": (lambda: layers.LinearAttention(), "qx"),
    "BlockSparseAttention": (lambda: layers.BlockSparseAttention(block_size=2), "qx"),
    "SegmentRecurrentAttention": (lambda: layers.SegmentRecurrentAttention(segment_size=2), "qx"),
    "AdditivePooling": (lambda: layers.AdditivePooling(), "qx"),
}


def first(found):
    return np.asarray(found[0] if isinstance(found, list | tuple) else found)


@pytest.mark.parametrize("name", CASES)
def test_a_keras_mask_is_used_as_the_padding_mask(name):
    make, given = CASES[name]
    layer = make()
    arrays = [ops.convert_to_tensor({"x": X, "q": Q}[one]) for one in given]
    expected = first(layer(*arrays, ops.convert_to_tensor(REAL)))
    with pytest.raises(ValueError, match="mask_zero=True"):
        layer(*arrays)
    masked = [keras.layers.Masking(-99.0)(np.where(REAL[..., None], array, -99.0)) for array in map(np.asarray, arrays)]
    everywhere = first(layer(*masked, ops.convert_to_tensor(REAL)))
    np.testing.assert_allclose(first(layer(*masked)), everywhere, atol=1e-5)
    np.testing.assert_allclose(first(layer(*masked))[:, -1], expected[:, -1], atol=1e-5)  # padding has no effect


def test_a_functional_model_over_mask_zero_propagates_the_mask_and_can_be_saved(tmp_path):
    ids = keras.Input((5,), dtype="int32")
    hidden = keras.layers.Embedding(9, 8, mask_zero=True)(ids)
    for _ in range(2):
        hidden = layers.SelfAttentionBlock()(layers.FeedForward()(hidden))
    model = keras.Model(ids, keras.layers.GlobalAveragePooling1D()(hidden))
    states = model.layers[1](IDS)
    for layer in model.layers:
        if isinstance(layer, layers.FeedForward):
            states = layer(states)
        if isinstance(layer, layers.SelfAttentionBlock):
            states = layer(states, ops.convert_to_tensor(REAL))
    expected = (np.asarray(states) * REAL[..., None]).sum(1) / REAL.sum(1, keepdims=True)
    np.testing.assert_allclose(model(IDS), expected, atol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "model.keras")(IDS), expected, atol=1e-5)
