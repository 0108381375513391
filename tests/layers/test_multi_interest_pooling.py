import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import MultiInterestPooling

D, K, MOST = 6, 3, 7


def run(layer, x, mask):
    return ops.convert_to_numpy(layer(x.astype("float32"), mask))


def made(seed=0, scale=0.7, **kwargs):
    """A layer whose weights are all far from where they begin."""
    layer = MultiInterestPooling(**{"num_interests": K, "max_length": MOST, **kwargs})
    layer.build((None, None, D), (None, None))
    return drawn(layer, seed, scale)


def padded_batch(seed=1):
    mask = np.arange(5) >= np.array([[0], [3], [4]])  # lengths 5, 2, 1
    return np.random.default_rng(seed).normal(size=(3, 5, D)) * mask[..., None], mask


def oracle(layer, x, mask):
    """The formula of the docstring, a row, a position and an interest at a time, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    y = np.zeros((*x.shape[:2], layer.num_interests, x.shape[2]))
    for b, t in zip(*np.nonzero(mask), strict=True):
        seen = [s for s in np.flatnonzero(mask[b]) if s <= t]
        for k in range(layer.num_interests):
            hidden = [np.tanh(x[b, s] @ w["hidden/kernel"] + w["hidden/bias"]) for s in seen]
            logits = np.array([h @ w["logits/kernel"][:, k] for h in hidden])
            logits += [w["recency"][k, t - s] for s in seen]
            shares = np.exp(logits - logits.max())
            y[b, t, k] = (shares / shares.sum()) @ x[b, seen]
    return y


@pytest.mark.parametrize("attention_dim", [None, 5])
def test_equals_the_formula(attention_dim):
    layer, (x, mask) = made(attention_dim=attention_dim), padded_batch()
    assert layer.hidden.kernel.shape == (D, attention_dim or 4 * D)
    np.testing.assert_allclose(run(layer, x, mask), oracle(layer, x, mask), atol=3e-6)


def test_each_position_equals_the_end_of_the_history_cut_there():
    layer, (x, mask) = made(), padded_batch()
    whole = run(layer, x, mask)
    for length in range(1, 6):
        cut = run(layer, x[:, :length], mask[:, :length])[:, -1]
        np.testing.assert_allclose(whole[:, length - 1], cut, atol=1e-6)


@pytest.mark.parametrize("scale", [1e3, 1e6])
def test_a_huge_later_logit_does_not_change_earlier_outputs(scale):
    """If one maximum were subtracted from all positions, the earlier ones would be 0 / 0."""
    layer, mask = made(scale=scale), np.ones((2, 7), bool)
    x = np.random.default_rng(2).normal(size=(2, 7, D)) * np.array([1e-3, 1, 1e-3, 1, 1, 1, 100])[:, None]
    found = run(layer, x, mask)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, oracle(layer, x, mask), atol=1e-4)


def test_padding_is_inert():
    layer, (x, mask) = made(), padded_batch()
    expected = run(layer, x, mask)
    np.testing.assert_array_equal(run(layer, np.where(mask[..., None], x, 7.0), mask), expected)
    longer = np.concatenate([np.full((3, 2, D), 7.0), x], axis=1)
    with_more = run(layer, longer, np.pad(mask, ((0, 0), (2, 0))))
    np.testing.assert_allclose(with_more[:, 2:], expected, atol=1e-6)
    assert not with_more[:, :2].any() and not expected[~mask].any()


def test_later_positions_do_not_leak():
    layer, (x, mask) = made(), padded_batch()
    changed = x.copy()
    changed[:, -1] += 1.0
    difference = np.abs(run(layer, changed, mask) - run(layer, x, mask))
    assert difference[:, -1].max() > 0.1 and not difference[:, :-1].any()


def test_gradients_are_finite_and_zero_at_padding(value_and_gradients):
    layer, (x, mask) = made(scale=30.0), padded_batch()
    mask[2] = False  # a row of nothing else
    weights = np.random.default_rng(3).normal(size=(3, 5, K, D)).astype("float32")
    _, (to_x,) = value_and_gradients(lambda h: ops.sum(weights * layer(h, mask)), x.astype("float32"))
    assert np.isfinite(to_x).all() and not to_x[~mask].any() and to_x[mask].any()


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_gives_similar_and_finite_outputs(dtype):
    layer, (x, mask) = made(dtype=dtype), padded_batch()
    mask[2] = False
    pooled = layer(x.astype("float32"), mask)
    assert keras.backend.standardize_dtype(pooled.dtype) == dtype.removeprefix("mixed_")
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(pooled, "float32")), oracle(layer, x, mask), atol=0.05)


def test_too_long_a_sequence_raises_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match=r"8 positions.*max_length=7.*newest 7"):
        made()(np.zeros((1, 8, D), "float32"), np.ones((1, 8), bool))


def test_survives_its_config():
    layer, (x, mask) = made(attention_dim=5, name="p"), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, x, mask), run(layer, x, mask))
