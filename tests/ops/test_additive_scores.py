import numpy as np
import pytest
from keras import ops

from tfrec.ops import additive_scores


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def parts(width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, 3, width)), rng.normal(size=(2, 4, width)), rng.normal(size=width)


def oracle(queries, keys, weights):
    scores = np.zeros((len(queries), queries.shape[1], keys.shape[1]))
    for b, i, j in np.ndindex(scores.shape):
        scores[b, i, j] = weights @ sigmoid(queries[b, i] + keys[b, j])
    return scores


@pytest.mark.parametrize("width", [1, 7, 8, 24])
def test_equals_the_formula(width):
    arrays = parts(width)
    scores = ops.convert_to_numpy(additive_scores(*(a.astype("float32") for a in arrays)))
    np.testing.assert_allclose(scores, oracle(*arrays), atol=3e-6)


@pytest.mark.parametrize("width", [5, 16])
def test_the_custom_gradient_equals_autodiff(width, value_and_gradients):
    queries, keys, weights = parts(width)
    upstream = np.random.default_rng(1).normal(size=(2, 3, 4))
    value, gradients = value_and_gradients(
        lambda *tensors: ops.sum(additive_scores(*tensors) * upstream.astype("float32")),
        *(a.astype("float32") for a in (queries, keys, weights)),
    )
    assert value == pytest.approx((oracle(queries, keys, weights) * upstream).sum(), rel=1e-5)
    expected = [np.zeros_like(a) for a in (queries, keys, weights)]
    for b, i, j in np.ndindex(upstream.shape):
        s = sigmoid(queries[b, i] + keys[b, j])
        for gradient, place in ((expected[0], (b, i)), (expected[1], (b, j))):
            gradient[place] += upstream[b, i, j] * weights * s * (1 - s)
        expected[2] += upstream[b, i, j] * s
    for gradient, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, atol=1e-5)


def test_half_precision_is_summed_in_float32():
    arrays = [a.astype("float16") for a in parts(64)]
    scores = additive_scores(*(ops.convert_to_tensor(a) for a in arrays))
    assert scores.dtype == "float16"
    wanted = oracle(*(a.astype("float64") for a in arrays))
    np.testing.assert_allclose(
        ops.convert_to_numpy(scores), wanted, rtol=1e-3, atol=1e-3
    )  # float16 of the result alone


def test_at_most_eight_features_of_all_pairs_are_stored_at_once(monkeypatch, value_and_gradients):
    sizes, sigmoid_of_keras = [], ops.sigmoid

    def recorded(x):
        sizes.append(np.prod(x.shape))
        return sigmoid_of_keras(x)

    monkeypatch.setattr(ops, "sigmoid", recorded)
    arrays = [a.astype("float32") for a in parts(64)]
    value_and_gradients(lambda *tensors: ops.sum(additive_scores(*tensors)), *arrays)
    assert set(sizes) == {2 * 3 * 4 * 8}  # with the gradient, of B x L x M x 64
