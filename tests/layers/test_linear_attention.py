import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops
from whole import call

from tfrec.layers import LinearAttention

D = 6


def made(seed=0, **kwargs):
    """A layer whose weights are all far from their initial values."""
    layer = LinearAttention(**kwargs)
    layer.build((None, None, D))
    return drawn(layer, seed, 0.5)


def batch(length=11, lengths=(11, 6, 1), seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(length) >= length - np.array(lengths)[:, None]
    return *rng.normal(size=(2, len(lengths), length, D)), mask


def run(layer, queries, context, mask):
    return call(layer, queries.astype("float32"), context.astype("float32"), mask)


def published(layer, queries, context, floor=0.0):
    """LinRec for one history without padding: the (L, L) weights first, then the values, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    q, k, v = (
        x @ w[f"{name}/kernel"] + w[f"{name}/bias"]
        for x, name in ((queries, "query"), (context, "key"), (context, "value"))
    )
    q, k = (np.where(x > 0, x, np.exp(x) - 1) for x in (q, k))
    width, heads = D // layer.num_heads, []
    for head in range(layer.num_heads):
        part = slice(head * width, (head + 1) * width)
        rows = q[:, part] / np.linalg.norm(q[:, part], axis=1, keepdims=True)
        squares = np.sum(k[:, part] ** 2, axis=0)
        columns = k[:, part] / np.sqrt(squares + floor * squares.mean())
        heads.append((rows @ columns.T) @ v[:, part] / np.sqrt(width))
    return np.concatenate(heads, axis=1) @ w["merge/kernel"] + w["merge/bias"]


@pytest.mark.parametrize("num_heads", [1, 3])
def test_equals_the_published_formula(num_heads):
    layer, (queries, context, mask) = made(num_heads=num_heads, causal=False), batch()
    y = run(layer, queries, context, mask)
    for b in range(len(mask)):
        real = mask[b]
        np.testing.assert_allclose(y[b, real], published(layer, queries[b, real], context[b, real]), atol=5e-5)


@pytest.mark.parametrize("chunk_size", [1, 4, 16])
@pytest.mark.parametrize("num_heads", [1, 3])
def test_causal_attention_equals_the_published_formula_for_each_prefix(num_heads, chunk_size):
    layer, (queries, context, mask) = made(num_heads=num_heads, chunk_size=chunk_size), batch()
    y = run(layer, queries, context, mask)
    for b, t in zip(*np.nonzero(mask), strict=True):
        past = mask[b] & (np.arange(mask.shape[1]) <= t)
        expected = published(layer, queries[b, past], context[b, past], floor=0.01)[-1]
        np.testing.assert_allclose(y[b, t], expected, atol=5e-5)


@pytest.mark.tensorflow
def test_ten_thousand_positions_keep_their_precision():
    layer, (queries, context, mask) = made(num_heads=2), batch(10_000, (10_000,))
    y = run(layer, queries, context, mask)
    rows = slice(0, 10_000, 2_499)  # the naive form is large
    for t in range(10_000)[rows]:
        expected = published(layer, queries[0, t : t + 1], context[0, : t + 1], floor=0.01)
        np.testing.assert_allclose(y[0, t], expected[-1], atol=2e-4 * np.abs(expected).max() + 5e-5)


def test_a_key_near_zero_gets_no_huge_gradient(value_and_gradients):
    layer = made(chunk_size=2)
    weights = dict(zip([w.path.split("/", 1)[1] for w in layer.weights], layer.get_weights(), strict=True))
    key = np.array([[[1.0, 1.0, 1.0, 1.0, 1.0, 1e-4]]]) - weights["key/bias"]
    x = (key @ np.linalg.inv(weights["key/kernel"])).astype("float32")  # a lone item with one column of K' near zero
    _, [gradient] = value_and_gradients(lambda x: ops.sum(layer(x, x, np.ones((1, 1), bool))), x)
    assert 1e-3 < np.abs(gradient).max() < 100


def test_invalid_sizes_raise_an_error():
    with pytest.raises(ValueError, match="chunk_size must be a positive integer, got 0"):
        LinearAttention(chunk_size=0)
