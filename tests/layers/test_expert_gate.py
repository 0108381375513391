import keras
import numpy as np
from drawn_weights import drawn
from keras import ops

from tfrec.layers import ExpertGate

B, S, N, D = 4, 3, 2, 5


def made(seed=0, **kwargs):
    layer = ExpertGate(**kwargs)
    layer.build((None, S), (None, N, D))
    return drawn(layer, seed, 0.7)


def batch(seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, S)).astype("float32"), rng.normal(size=(B, N, D)).astype("float32")


def oracle(layer, state, experts):
    w = {v.path.split("/")[-1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    weights = np.zeros((B, N))
    for b in range(B):
        scores = [
            np.tanh(state[b] @ w["state_map"] + experts[b, n] @ w["expert_map"] + w["bias"][n]) @ w["vector"][:, 0]
            for n in range(N)
        ]
        weights[b] = np.exp(np.array(scores) + w["start"])
    return weights / weights.sum(axis=1, keepdims=True)


def test_equals_the_formula():
    for kwargs in ({}, {"inner_dim": 7}):
        layer = made(**kwargs)
        np.testing.assert_allclose(ops.convert_to_numpy(layer(*batch())), oracle(layer, *batch()), atol=1e-6)


def test_the_state_alone_can_decide_the_weights():
    layer = made()
    state, experts = batch()
    same = np.repeat(experts[:, :1], N, axis=1)
    weights = ops.convert_to_numpy(layer(state, same))
    assert np.ptp(weights[:, 0]) > 0.01


def test_survives_its_config():
    layer = made(inner_dim=3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(ops.convert_to_numpy(again(*batch())), ops.convert_to_numpy(layer(*batch())))
