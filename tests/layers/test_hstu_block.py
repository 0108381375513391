import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import HSTUBlock

D = 6
LENGTH = 9


def run(block, x, mask, intervals=None):
    return ops.convert_to_numpy(block(x.astype("float32"), mask, intervals))


def made(seed=0, **kwargs):
    """A block whose weights are all far from their initial zeros."""
    block = HSTUBlock(LENGTH, **kwargs)
    block.build((None, None, D), (None, None), (None, None, None))
    return drawn(block, seed, 0.7)


def padded_batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [3], [4]])  # lengths 5, 2, 1
    return rng.normal(size=(3, 5, D)) * mask[..., None], mask


def silu(x):
    return x / (1 + np.exp(-x))


def oracle(block, x, mask, intervals=None):
    """The formula of the docstring, a row, a head and a position at a time, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in block.weights}
    heads, key_dim = block.num_heads, block.attention_dim or D // block.num_heads
    value_dim = block.linear_dim or D // block.num_heads

    def norm(v):
        return (v - v.mean()) / np.sqrt(v.var() + 1e-6)

    def parts(v):
        both = silu(norm(v) @ w["expand/kernel"])
        u, v, q, k = np.split(both, np.cumsum([heads * value_dim, heads * value_dim, heads * key_dim]))
        return u.reshape(heads, value_dim), v.reshape(heads, value_dim), q.reshape(heads, -1), k.reshape(heads, -1)

    y = np.zeros_like(x)
    for b, i in zip(*np.nonzero(mask), strict=True):
        u, _, q, _ = parts(x[b, i])
        attended = np.zeros((heads, value_dim))
        for head in range(heads):
            for j in np.flatnonzero(mask[b, : i + 1]):
                _, v, _, k = parts(x[b, j])
                bias = w["position_bias/weight"][LENGTH - 1 + i - j]
                if intervals is not None:
                    bias += w["time_bias/weight"][intervals[b, i, j]]
                attended[head] += silu(q[head] @ k[head] + bias) / LENGTH * v[head]
        y[b, i] = (norm(attended.ravel()) * u.ravel()) @ w["contract/kernel"] + w["contract/bias"] + x[b, i]
    return y


@pytest.mark.parametrize(
    "widths", [{}, {"num_heads": 3}, {"num_heads": 4, "attention_dim": 5, "linear_dim": 3}], ids=["1", "3", "4"]
)
def test_equals_the_formula(widths):
    block, (x, mask) = made(**widths), padded_batch()
    np.testing.assert_allclose(run(block, x, mask), oracle(block, x, mask), atol=2e-5)


def test_equals_the_formula_with_time():
    block, (x, mask) = made(num_heads=2, num_intervals=4), padded_batch()
    intervals = np.random.default_rng(3).integers(0, 4, (3, 5, 5))
    y = run(block, x, mask, intervals)
    np.testing.assert_allclose(y, oracle(block, x, mask, intervals), atol=2e-5)
    assert np.abs(y - run(block, x, mask, intervals * 0)).max() > 0.01


def test_padding_is_inert_and_the_bias_is_relative():
    block, (x, mask) = made(num_heads=2), padded_batch()
    expected = run(block, x, mask)
    np.testing.assert_array_equal(run(block, np.where(mask[..., None], x, 7.0), mask), expected)
    longer = np.concatenate([np.full((3, 4, D), 7.0), x], axis=1)
    with_more = run(block, longer, np.pad(mask, ((0, 0), (4, 0))))
    np.testing.assert_allclose(with_more[:, 4:], expected, atol=2e-5)
    assert not with_more[:, :4].any()


def test_does_not_look_ahead():
    block, (x, mask) = made(), padded_batch()
    changed = x.copy()
    changed[:, -1] += 1.0
    difference = np.abs(run(block, changed, mask) - run(block, x, mask))
    assert difference[:, -1].max() > 0.1 and not difference[:, :-1].any()


def test_the_output_grows_with_the_number_of_relevant_items():
    """Of two histories whose items are all the same, the longer one moves the query further."""
    block = made()
    x = np.ones((1, LENGTH, D)) * np.random.default_rng(2).normal(size=D)
    y = run(block, x, np.ones((1, LENGTH), bool)) - x
    assert np.abs(y[0, -1] - y[0, 0]).max() > 0.01


def test_heads_must_divide_the_width_unless_head_widths_are_given():
    with pytest.raises(ValueError, match=r"num_heads=4, width=6"):
        HSTUBlock(LENGTH, num_heads=4, linear_dim=2)(np.zeros((1, 2, D), "float32"), np.ones((1, 2), bool))


def test_survives_its_config():
    block, (x, mask) = made(num_heads=2, attention_dim=4, linear_dim=5, dropout=0.1, num_intervals=3), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(block))
    assert again.get_config() == block.get_config()
    again.set_weights(block.get_weights())
    intervals = np.ones((3, 5, 5), int)
    np.testing.assert_array_equal(run(again, x, mask, intervals), run(block, x, mask, intervals))
