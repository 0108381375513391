import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import AttentionalGRU

W, D = 3, 4


def made(seed=0, **kwargs):
    layer = AttentionalGRU(D, **kwargs)
    layer.build((None, None, W), (None, None))
    return drawn(layer, seed, 0.7)


def batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [3], [5]])  # lengths 5, 2, 0
    return rng.normal(size=(3, 5, W)).astype("float32"), (rng.random((3, 5)) * mask).astype("float32"), mask


def run(layer, inputs, weights):
    return ops.convert_to_numpy(layer(inputs, weights))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def oracle(layer, inputs, weights):
    """The formula of the docstring, a gate at a time, in float64."""
    by_name = {v.path.split("/")[-1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    to_u, to_r, to_c = np.split(by_name["kernel"], 3, axis=1)
    bias_u, bias_r, bias_c = np.split(by_name["bias"], 3)
    of_u, of_r, of_c = np.split(by_name["state_map"], 3, axis=1)
    states = np.zeros((*inputs.shape[:2], D))
    for b in range(len(inputs)):
        h = np.zeros(D)
        for t, x in enumerate(inputs[b].astype("float64")):
            u = sigmoid(x @ to_u + h @ of_u + bias_u)
            r = sigmoid(x @ to_r + h @ of_r + bias_r)
            c = np.tanh(x @ to_c + r * (h @ of_c) + bias_c)
            u = weights[b, t] * u
            h = states[b, t] = (1 - u) * h + u * c
    return states


def test_equals_the_formula():
    layer, (inputs, weights, _) = made(return_sequences=True), batch()
    expected = oracle(layer, inputs, weights)
    np.testing.assert_allclose(run(layer, inputs, weights), expected, atol=1e-5)
    np.testing.assert_allclose(run(made(), inputs, weights), expected[:, -1], atol=1e-5)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_padding_with_weight_0_has_no_effect(return_sequences):
    layer, (inputs, weights, mask) = made(return_sequences=return_sequences), batch()
    expected = run(layer, inputs, weights)
    np.testing.assert_allclose(run(layer, np.where(mask[..., None], inputs, 7.0), weights), expected, atol=1e-6)
    longer = np.concatenate([np.full((3, 4, W), 7.0, "float32"), inputs], axis=1)
    with_more = run(layer, longer, np.pad(weights, ((0, 0), (4, 0))))
    np.testing.assert_allclose(with_more[:, 4:] if return_sequences else with_more, expected, atol=1e-6)
    assert not expected[2].any()


def test_with_weights_of_1_it_equals_keras_gru():
    layer, (inputs, _, mask) = made(return_sequences=True), batch()
    plain = keras.layers.GRU(D, return_sequences=True, use_cudnn=False)
    plain.build((None, None, W))
    by_name = {v.path.split("/")[-1]: ops.convert_to_numpy(v) for v in layer.weights}
    # Keras has two biases: that of the inputs, and one within the product with r. Its first gate keeps, ours changes.
    sign = np.repeat([-1.0, 1.0, 1.0], D)
    biases = np.stack([sign * by_name["bias"], np.zeros(3 * D)])
    plain.set_weights([sign * by_name["kernel"], sign * by_name["state_map"], biases])
    expected = ops.convert_to_numpy(plain(inputs, mask=ops.convert_to_tensor(mask)))
    np.testing.assert_allclose(
        run(layer, inputs, mask.astype("float32"))[:2][mask[:2]], expected[:2][mask[:2]], atol=1e-5
    )


@pytest.mark.tensorflow
def test_a_keras_mask_acts_as_a_weight_of_0(tmp_path):
    layer, (values, weights, mask) = made(return_sequences=True), batch()
    values, ones = np.where(mask[..., None], values, 9.0).astype("float32"), np.maximum(weights, 0.3)
    expected = run(layer, values, ones * mask)
    np.testing.assert_allclose(layer(values, ones, mask=ops.convert_to_tensor(mask)), expected, atol=1e-6)
    vectors, scores = keras.Input((5, W)), keras.Input((5,))
    hidden = layer(keras.layers.Masking(9.0)(vectors), scores)
    model = keras.Model([vectors, scores], keras.layers.GlobalAveragePooling1D()(hidden))  # which reads the mask
    mean = (expected * mask[..., None]).sum(1) / np.maximum(mask.sum(1, keepdims=True), 1)
    lengths = mask.any(1)  # the mean of no positions is NaN
    np.testing.assert_allclose(np.asarray(model([values, ones]))[lengths], mean[lengths], atol=1e-5)
    model.save(tmp_path / "gru.keras")
    again = keras.models.load_model(tmp_path / "gru.keras")
    np.testing.assert_allclose(np.asarray(again([values, ones]))[lengths], mean[lengths], atol=1e-5)


def test_survives_its_config():
    layer, (inputs, weights, _) = made(return_sequences=True, seed=4), batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, inputs, weights), run(layer, inputs, weights))
