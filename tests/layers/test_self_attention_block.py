import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import SelfAttentionBlock

D = 6


def run(block, x, mask):
    return ops.convert_to_numpy(block(x.astype("float32"), mask))


def made(seed=0, **kwargs):
    """A block whose weights are all far from their initial zeros and ones."""
    block = SelfAttentionBlock(**kwargs)
    block.build((None, None, D), (None, None))
    rng = np.random.default_rng(seed)
    block.set_weights([rng.normal(0, 0.5, w.shape) for w in block.weights])
    return block


def padded_batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [3], [4]])  # lengths 5, 2, 1
    return rng.normal(size=(3, 5, D)) * mask[..., None], mask


def oracle(block, x, mask):
    """The formula of the docstring, a row, a head and a position at a time, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in block.weights}

    def norm(v, name):
        v = (v - v.mean()) / np.sqrt(v.var() + 1e-6)
        return v * w[f"{name}/gamma"] + w[f"{name}/beta"]

    def project(v, name, head):
        return v @ w[f"attention/{name}/kernel"][:, head] + w[f"attention/{name}/bias"][head]

    y = np.zeros_like(x)
    for b, t in zip(*np.nonzero(mask), strict=True):
        query = norm(x[b, t], "attention_norm")
        seen = [s for s in np.flatnonzero(mask[b]) if s <= t or not block.causal]
        attended = w["attention/attention_output/bias"].copy()
        for head in range(block.num_heads):
            q = project(query, "query", head)
            logits = np.array([q @ project(x[b, s], "key", head) for s in seen]) / np.sqrt(D // block.num_heads)
            shares = np.exp(logits) / np.exp(logits).sum()
            value = sum(share * project(x[b, s], "value", head) for share, s in zip(shares, seen, strict=True))
            attended += value @ w["attention/attention_output/kernel"][head]
        h = norm(query + attended, "feed_forward_norm")
        inner = np.maximum(h @ w["feed_forward/expand/kernel"] + w["feed_forward/expand/bias"], 0)
        y[b, t] = h + inner @ w["feed_forward/contract/kernel"] + w["feed_forward/contract/bias"]
    return y


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("num_heads", [1, 3])
def test_equals_the_formula(causal, num_heads):
    block, (x, mask) = made(num_heads=num_heads, causal=causal, inner_dim=9), padded_batch()
    np.testing.assert_allclose(run(block, x, mask), oracle(block, x, mask), atol=3e-6)


@pytest.mark.parametrize("causal", [True, False])
def test_padding_is_inert(causal):
    block, (x, mask) = made(num_heads=2, causal=causal), padded_batch()
    expected = run(block, x, mask)
    junk = np.where(mask[..., None], x, 7.0)
    np.testing.assert_array_equal(run(block, junk, mask), expected)
    longer = np.concatenate([np.full((3, 4, D), 7.0), x], axis=1)
    with_more = run(block, longer, np.pad(mask, ((0, 0), (4, 0))))
    np.testing.assert_allclose(with_more[:, 4:], expected, atol=1e-6)
    assert not with_more[:, :4].any()


@pytest.mark.parametrize("causal", [True, False])
def test_only_a_block_that_is_not_causal_looks_ahead(causal):
    block, (x, mask) = made(causal=causal), padded_batch()
    changed = x.copy()
    changed[:, -1] += 1.0
    difference = np.abs(run(block, changed, mask) - run(block, x, mask))
    assert difference[:, -1].max() > 0.1
    earlier = difference[:2, :-1][mask[:2, :-1]]
    assert (earlier.max(axis=-1) > 1e-4).all() if not causal else (earlier == 0).all()


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match=r"num_heads=4.*6"):
        SelfAttentionBlock(num_heads=4)(np.zeros((1, 2, D), "float32"), np.ones((1, 2), bool))


def test_survives_its_config():
    block, (x, mask) = made(num_heads=2, dropout=0.1, causal=False, inner_dim=5, activation="gelu"), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(block))
    assert again.get_config() == block.get_config()
    again.set_weights(block.get_weights())
    np.testing.assert_array_equal(run(again, x, mask), run(block, x, mask))
