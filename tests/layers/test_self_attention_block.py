import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import FeedForward, GatedFeedForward, SelfAttentionBlock, SoftmaxAttention

D = 6
RESIDUALS = ("sasrec", "pre-norm", "post-norm", "gated")


def run(block, x, mask):
    return ops.convert_to_numpy(block(x.astype("float32"), mask))


def made(seed=0, num_heads=1, causal=True, inner_dim=None, residual="sasrec"):
    """A block whose weights are all far from their initial zeros and ones."""
    attention = SoftmaxAttention(num_heads, causal=causal, name="attention")
    block = SelfAttentionBlock(attention, FeedForward(inner_dim, name="feed_forward"), residual)
    block.build((None, None, D), (None, None))
    return drawn(block, seed, 0.5)


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
        return v @ w[f"attention/heads/{name}/kernel"][:, head] + w[f"attention/heads/{name}/bias"][head]

    def attend(b, t, queries, context):
        seen = [s for s in np.flatnonzero(mask[b]) if s <= t or not block.attention.causal]
        attended = w["attention/heads/attention_output/bias"].copy()
        for head in range(block.attention.num_heads):
            q = project(queries[t], "query", head)
            keys = np.array([q @ project(context[s], "key", head) for s in seen])
            shares = np.exp(keys / np.sqrt(D // block.attention.num_heads))
            value = sum(share * project(context[s], "value", head) for share, s in zip(shares, seen, strict=True))
            attended += value / shares.sum() @ w["attention/heads/attention_output/kernel"][head]
        return attended

    def feed(h):
        inner = np.maximum(h @ w["feed_forward/expand/kernel"] + w["feed_forward/expand/bias"], 0)
        return inner @ w["feed_forward/contract/kernel"] + w["feed_forward/contract/bias"]

    def gate(v, name):
        return 1 / (1 + np.exp(-(v @ w[f"{name}/kernel"] + w[f"{name}/bias"]))) if block.residual == "gated" else 1.0

    y = np.zeros_like(x)
    for b, t in zip(*np.nonzero(mask), strict=True):
        normed = np.stack([norm(v, "attention_norm") for v in x[b]])
        if block.residual == "sasrec":
            h = norm(normed[t] + attend(b, t, normed, x[b]), "feed_forward_norm")
            y[b, t] = h + feed(h)
        elif block.residual == "post-norm":
            h = norm(x[b, t] + attend(b, t, x[b], x[b]), "attention_norm")
            y[b, t] = norm(h + feed(h), "feed_forward_norm")
        else:
            h = x[b, t] + attend(b, t, normed, normed) * gate(x[b, t], "attention_gate")
            y[b, t] = h + feed(norm(h, "feed_forward_norm")) * gate(h, "feed_forward_gate")
    return y


@pytest.mark.parametrize("residual", RESIDUALS)
@pytest.mark.parametrize(("causal", "num_heads"), [(True, 1), (True, 3), (False, 3)])
def test_equals_the_formula(residual, causal, num_heads):
    block, (x, mask) = made(num_heads=num_heads, causal=causal, inner_dim=9, residual=residual), padded_batch()
    np.testing.assert_allclose(run(block, x, mask), oracle(block, x, mask), atol=3e-6)


@pytest.mark.parametrize("residual", RESIDUALS)
@pytest.mark.parametrize("causal", [True, False])
def test_padding_is_inert(causal, residual):
    block, (x, mask) = made(num_heads=2, causal=causal, residual=residual), padded_batch()
    expected = run(block, x, mask)
    junk = np.where(mask[..., None], x, 7.0)
    np.testing.assert_array_equal(run(block, junk, mask), expected)
    longer = np.concatenate([np.full((3, 4, D), 7.0), x], axis=1)
    with_more = run(block, longer, np.pad(mask, ((0, 0), (4, 0))))
    np.testing.assert_allclose(with_more[:, 4:], expected, atol=1e-6)
    assert not with_more[:, :4].any()


@pytest.mark.parametrize("causal", [True, False])
def test_only_a_non_causal_block_looks_ahead(causal):
    block, (x, mask) = made(causal=causal), padded_batch()
    changed = x.copy()
    changed[:, -1] += 1.0
    difference = np.abs(run(block, changed, mask) - run(block, x, mask))
    assert difference[:, -1].max() > 0.1
    earlier = difference[:2, :-1][mask[:2, :-1]]
    assert (earlier.max(axis=-1) > 1e-4).all() if not causal else (earlier == 0).all()


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match=r"num_heads=4.*6"):
        SelfAttentionBlock(SoftmaxAttention(4))(np.zeros((1, 2, D), "float32"), np.ones((1, 2), bool))


def test_an_unknown_residual_raises_an_error():
    with pytest.raises(ValueError, match="sasrec, pre-norm, post-norm, gated, got 'mid-norm'"):
        SelfAttentionBlock(residual="mid-norm")


def test_survives_its_config():
    x, mask = padded_batch()
    block = SelfAttentionBlock(SoftmaxAttention(2, 0.1, causal=False), GatedFeedForward(5), "gated", dropout=0.3)
    expected = run(block, x, mask)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(block))
    assert again.get_config() == block.get_config()
    again.set_weights(block.get_weights())
    np.testing.assert_array_equal(run(again, x, mask), expected)
