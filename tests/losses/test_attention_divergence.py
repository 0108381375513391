import numpy as np
import pytest
from keras import ops

from tfrec.losses import attention_divergence

rng = np.random.default_rng(0)


def shares(*shape):
    drawn = rng.random(shape) + 0.05
    return drawn / drawn.sum(axis=-1, keepdims=True)


def kl(given, learned):
    """The formula in float64, over the rows with given weights."""
    given = given / given.sum()
    some = given > 0
    return np.sum(given[some] * np.log(given[some] / learned[some]))


def run(*arrays):
    given, learned, *mask = arrays
    return ops.convert_to_numpy(attention_divergence(given.astype("float32"), learned.astype("float32"), *mask))


def test_equals_the_formula():
    given, learned = 3 * shares(4, 6), shares(4, 6)
    given[0, 2:] = 0
    np.testing.assert_allclose(run(given, learned), [kl(g, a) for g, a in zip(given, learned, strict=True)], atol=1e-5)
    np.testing.assert_allclose(run(learned, learned), 0, atol=1e-6)


@pytest.mark.parametrize("middle", [(2,), (2, 3)])
def test_is_the_mean_over_heads_and_queries(middle):
    given, learned = shares(4, 6), shares(4, *middle, 6)
    expected = [np.mean([kl(g, a) for a in of_row.reshape(-1, 6)]) for g, of_row in zip(given, learned, strict=True)]
    np.testing.assert_allclose(run(given, learned), expected, atol=1e-5)
    whole = np.broadcast_to(given.reshape(4, *[1] * len(middle), 6), learned.shape)
    np.testing.assert_allclose(run(whole, learned), expected, atol=1e-5)


def test_given_weights_at_padding_and_invalid_ones_are_ignored():
    given, learned = shares(1, 4), shares(1, 4)
    mask = np.array([[False, True, True, True]])
    learned = np.where(mask, learned, 0)
    expected = kl(given[:, 1:][0], learned[:, 1:][0])
    np.testing.assert_allclose(run(given, learned, mask), expected, atol=1e-5)
    np.testing.assert_allclose(run(np.where(mask, given, np.nan), learned), expected, atol=1e-5)
    np.testing.assert_allclose(run(np.where(mask, given, -1), learned), expected, atol=1e-5)


def test_rows_without_a_given_attention_are_not_supervised(value_and_gradients):
    given, learned = shares(3, 4), shares(3, 4)
    given[1] = 0
    learned[2, 0] = 0

    def total(learned):
        return ops.sum(attention_divergence(given.astype("float32"), learned))

    value, (gradient,) = value_and_gradients(total, learned.astype("float32"))
    assert np.isfinite(value) and np.isfinite(gradient).all()
    assert run(given, learned)[1] == 0 and not gradient[1].any() and gradient[0].any()
