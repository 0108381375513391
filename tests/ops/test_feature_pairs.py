import itertools

import numpy as np
import pytest
from keras import ops

from tfrec.ops import bi_interaction, feature_pairs, pair_products

PAIRS = list(itertools.combinations(range(5), 2))


def fields(seed=0):
    return np.random.default_rng(seed).normal(size=(3, 5, 4))


def test_bi_interaction_equals_the_formula():
    x = fields()
    expected = sum(x[:, i] * x[:, j] for i, j in PAIRS)
    np.testing.assert_allclose(ops.convert_to_numpy(bi_interaction(x.astype("float32"))), expected, atol=1e-5)


def test_bi_interaction_is_computed_in_float32():
    """Two long vectors whose product is tiny compared to their squares."""
    x = ops.convert_to_tensor(np.array([[[200.0], [0.0625]]], "float16"))
    np.testing.assert_allclose(ops.convert_to_numpy(bi_interaction(x)), [[12.5]], rtol=1e-3)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_pair_products_equal_the_formula(count):
    x = fields()[:, :count]
    pairs = feature_pairs(range(count))
    assert sorted(pairs) == list(itertools.combinations(range(count), 2))
    products = ops.convert_to_numpy(pair_products(x.astype("float32")))
    np.testing.assert_allclose(products, np.stack([x[:, i] * x[:, j] for i, j in pairs], axis=1), atol=1e-6)


def test_their_gradient_equals_the_formula(value_and_gradients):
    x = fields().astype("float32")
    weights = np.random.default_rng(1).normal(size=(10, 4)).astype("float32")
    _, (gradient,) = value_and_gradients(lambda x: ops.sum(pair_products(x) * weights), x)
    expected = np.zeros_like(x)
    for weight, (i, j) in zip(weights, feature_pairs(range(5)), strict=True):
        expected[:, i] += weight * x[:, j]
        expected[:, j] += weight * x[:, i]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
