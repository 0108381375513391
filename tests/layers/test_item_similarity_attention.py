"""The attention of NAIS equals its formula."""

import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import ItemSimilarityAttention
from tfrec.layers.attention_record import attention_record

B, C, L, D, A = 2, 3, 4, 5, 6


def made(**kwargs):
    layer = ItemSimilarityAttention(A, **kwargs)
    layer.build((None, None, D))
    return drawn(layer, 0, 0.7)


def batch():
    rng = np.random.default_rng(1)
    mask = rng.random((B, C, L)) < 0.7
    mask[0, 0] = False  # a candidate without any other item
    return rng.normal(size=(B, C, D)).astype("float32"), rng.normal(size=(B, L, D)).astype("float32"), mask


def by_hand(layer, candidates, history, mask):
    weights = {weight.name: ops.convert_to_numpy(weight).astype("float64") for weight in layer.weights}
    scores, shares = np.zeros((B, C)), np.zeros((B, C, L))
    for b in range(B):
        for c in range(C):
            p, f = candidates[b, c], np.full(L, -np.inf)
            for j in np.flatnonzero(mask[b, c]):
                q = history[b, j]
                if layer.pairing == "product":
                    hidden = weights["kernel"].T @ (p * q)
                else:
                    hidden = np.concatenate([weights["kernel"], weights["history_kernel"]]).T @ np.concatenate([p, q])
                f[j] = weights["direction"][:, 0] @ np.maximum(hidden + weights["bias"], 0)
            if mask[b, c].any():
                shares[b, c] = np.exp(f) / np.exp(f).sum() ** layer.beta
            scores[b, c] = shares[b, c] @ (history[b] @ p)
    return scores, shares


@pytest.mark.parametrize("pairing", ["product", "concatenation"])
@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_equals_the_formula(pairing, beta):
    layer, given = made(pairing=pairing, beta=beta), batch()
    with attention_record() as found:
        scores = layer(*given)
    expected, shares = by_hand(layer, *given)
    np.testing.assert_allclose(ops.convert_to_numpy(scores), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(found[0]), shares, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("pairing", ["product", "concatenation"])
def test_the_same_candidates_for_all_rows_may_be_given_once(pairing):
    layer, (candidates, history, mask) = made(pairing=pairing), batch()
    together = ops.convert_to_numpy(layer(candidates[:1], history, mask))
    repeated = ops.convert_to_numpy(layer(np.repeat(candidates[:1], B, axis=0), history, mask))
    np.testing.assert_allclose(together, repeated, rtol=1e-5, atol=1e-6)


def test_only_beta_below_one_lets_the_similarity_grow_with_the_history():
    """The same item n times: a softmax gives what one of them gives, and beta = .5 gives sqrt(n) times as much."""
    candidate, item = np.ones((1, 1, D), "float32"), np.ones((1, 1, D), "float32")
    for beta, growth in ((1.0, 1.0), (0.5, 3.0), (0.0, 9.0)):
        layer = made(beta=beta)
        one = float(layer(candidate, item, np.ones((1, 1, 1), bool))[0, 0])
        nine = float(layer(candidate, np.repeat(item, 9, axis=1), np.ones((1, 1, 9), bool))[0, 0])
        assert nine == pytest.approx(growth * one, rel=1e-4)


def test_gradients_are_finite_if_nothing_is_attended_to(value_and_gradients):
    layer, (candidates, history, mask) = made(), batch()
    mask = np.zeros_like(mask)
    _, gradients = value_and_gradients(lambda x: ops.sum(layer(x, history, mask)), candidates)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_invalid_arguments_raise_an_error():
    with pytest.raises(ValueError, match="beta must lie between 0 and 1, got 2"):
        ItemSimilarityAttention(4, beta=2)
    with pytest.raises(ValueError, match="pairing must be one of product, concatenation, got 'sum'"):
        ItemSimilarityAttention(4, pairing="sum")
