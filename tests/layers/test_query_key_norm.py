import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import InteractingAttention, QueryKeyNorm

B, H, K, L, D = 2, 3, 4, 5, 6


def test_products_are_cosines_times_the_temperature_of_each_head():
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(B, H, K, D)), rng.normal(size=(B, H, L, D))
    layer = QueryKeyNorm(H)
    layer.build()
    layer.temperature.assign(np.log([0.5, 2.0, 8.0]).reshape(H, 1, 1))
    asked, answered = (ops.convert_to_numpy(one) for one in layer(queries.astype("float32"), keys.astype("float32")))
    for b, h, k, at in np.ndindex(B, H, K, L):
        q, key = queries[b, h, k], keys[b, h, at]
        cosine = q @ key / np.sqrt((q @ q) * (key @ key))
        np.testing.assert_allclose(asked[b, h, k] @ answered[b, h, at], (0.5, 2.0, 8.0)[h] * cosine, atol=1e-5)


def test_small_vectors_are_distinguished():
    """Vectors as small as those of categories at the start: products give equal weights, cosines do not."""
    x = np.random.default_rng(0).normal(0, 0.01, (8, 6, 16)).astype("float32")
    spread = {
        qk_norm: float(np.std(InteractingAttention(qk_norm=qk_norm, seed=0)(x, return_attention_scores=True)[1]))
        for qk_norm in (False, True)
    }
    assert spread[False] < 1e-3 < 0.01 < spread[True]


def test_survives_its_config_and_an_invalid_temperature_raises_an_error():
    layer = InteractingAttention(num_heads=2, head_dim=4, qk_norm=True, dtype="mixed_float16", seed=0)
    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    expected = layer(x)[0]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(ops.convert_to_numpy(again(x)[0]), ops.convert_to_numpy(expected))
    with pytest.raises(ValueError, match="a temperature above 0, got 0"):
        QueryKeyNorm(2, start=0)
