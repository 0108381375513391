import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import EMPooling

D, K = 6, 3


def run(layer, x, mask):
    return ops.convert_to_numpy(layer(x.astype("float32"), mask))


def made(**kwargs):
    layer = EMPooling(**{"num_interests": K, **kwargs})
    layer.build((None, None, D), (None, None))
    return drawn(layer, scale=0.7)


def padded_batch(seed=1):
    mask = np.arange(5) >= np.array([[0], [3], [4]])  # lengths 5, 2, 1
    return np.random.default_rng(seed).normal(size=(3, 5, D)) * mask[..., None], mask


def oracle(layer, x, mask):
    """The formula of the docstring for each prefix, a cluster at a time, in float64."""
    starts = ops.convert_to_numpy(layer.starts).astype("float64")
    y = np.zeros((*x.shape[:2], K, D))
    for b, t in zip(*np.nonzero(mask), strict=True):
        own, mu = x[b, : t + 1][mask[b, : t + 1]], starts
        for _ in range(layer.rounds):
            r = np.exp(own @ mu.T / layer.temperature)
            r = r / r.sum(axis=1, keepdims=True)
            mu = np.stack([r[:, k] @ own / r[:, k].sum() for k in range(K)])
        y[b, t] = mu
    return y


@pytest.mark.parametrize("kwargs", [{}, {"rounds": 1}, {"rounds": 5, "temperature": 0.4}], ids=str)
def test_equals_the_formula(kwargs):
    layer, (x, mask) = made(**kwargs), padded_batch()
    np.testing.assert_allclose(run(layer, x, mask), oracle(layer, x, mask), atol=5e-6)


def test_the_scores_are_the_shares_of_the_events_in_the_means():
    layer, (x, mask) = made(), padded_batch()
    y, weights = (ops.convert_to_numpy(one) for one in layer(x.astype("float32"), mask, return_attention_scores=True))
    np.testing.assert_allclose(np.einsum("blkj,bjd->blkd", weights, x)[mask], y[mask], atol=1e-5)
    np.testing.assert_allclose(weights[mask].sum(axis=-1), 1, atol=1e-5)


def test_finds_planted_clusters():
    rng = np.random.default_rng(0)
    centres = 3.0 * np.eye(D)[:K]
    of = rng.integers(0, K, (4, 30))
    x = centres[of] + rng.normal(0, 0.2, (4, 30, D))
    layer = EMPooling(K, rounds=10, seed=0)
    found = run(layer, x, np.ones((4, 30), bool))[:, -1]
    for row in range(4):
        apart = np.linalg.norm(found[row][:, None] - centres, axis=-1)
        assert apart.min(axis=1).max() < 0.3 and set(apart.argmin(axis=1)) == set(range(K))


def test_padding_has_no_effect_and_later_events_do_not_leak():
    layer, (x, mask) = made(), padded_batch()
    expected = run(layer, x, mask)
    np.testing.assert_array_equal(run(layer, np.where(mask[..., None], x, 7.0), mask), expected)
    longer = np.concatenate([np.full((3, 2, D), 7.0), x], axis=1)
    with_more = run(layer, longer, np.pad(mask, ((0, 0), (2, 0))))
    np.testing.assert_allclose(with_more[:, 2:], expected, atol=1e-6)
    assert not with_more[:, :2].any() and not expected[~mask].any()
    changed = x.copy()
    changed[:, -1] += 1.0
    difference = np.abs(run(layer, changed, mask) - expected)
    assert difference[:, -1].max() > 0.1 and not difference[:, :-1].any()


def test_gradients_are_finite_and_zero_at_padding(value_and_gradients):
    layer, (x, mask) = made(temperature=0.01), padded_batch()
    mask[2] = False  # a row of padding alone
    weights = np.random.default_rng(3).normal(size=(3, 5, K, D)).astype("float32")
    _, (to_x,) = value_and_gradients(lambda h: ops.sum(weights * layer(h, mask)), x.astype("float32"))
    assert np.isfinite(to_x).all() and not to_x[~mask].any() and to_x[mask].any()


def test_half_precision_stays_near():
    layer, (x, mask) = made(dtype="mixed_float16"), padded_batch()
    pooled = layer(x.astype("float32"), mask)
    assert keras.backend.standardize_dtype(pooled.dtype) == "float16"
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(pooled, "float32")), oracle(layer, x, mask), atol=0.02)


def test_starts_are_unequal_and_a_seed_decides_about_them():
    one, same, other = (EMPooling(K, seed=seed) for seed in (1, 1, 2))
    for layer in (one, same, other):
        layer.build((None, None, D))
    starts = ops.convert_to_numpy(one.starts)
    np.testing.assert_array_equal(starts, ops.convert_to_numpy(same.starts))
    assert (starts != ops.convert_to_numpy(other.starts)).all()
    assert min(np.abs(starts[i] - starts[j]).max() for i in range(K) for j in range(i)) > 0.1


def test_survives_its_config():
    layer, (x, mask) = made(rounds=2, temperature=0.3, max_length=9, seed=4), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, x, mask), run(layer, x, mask))
    with pytest.raises(ValueError, match="max_length=9"):
        layer(np.zeros((1, 10, D), "float32"), np.ones((1, 10), bool))
