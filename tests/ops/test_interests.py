import keras
import numpy as np
import pytest
from keras import ops

from tfrec.ops import chosen_interest


@pytest.mark.parametrize("shape", [(5, 3, 4), (2, 3, 4, 6), (7, 1, 2)])
def test_equals_a_loop(shape):
    rng = np.random.default_rng(0)
    queries, vectors = rng.normal(size=shape), rng.normal(size=(*shape[:-2], shape[-1]))
    expected = np.empty_like(vectors)
    for place in np.ndindex(*shape[:-2]):
        scores = [query @ vectors[place] for query in queries[place]]
        expected[place] = queries[place][scores.index(max(scores))]
    found = chosen_interest(queries.astype("float32"), vectors.astype("float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-6)


def test_ties_choose_the_first_interest():
    queries = np.array([[[1.0, 2.0], [1.0, 3.0]]], "float32")
    assert ops.convert_to_numpy(chosen_interest(queries, np.array([[1.0, 0.0]], "float32"))).tolist() == [[1.0, 2.0]]


def test_only_the_chosen_interest_gets_a_gradient(value_and_gradients):
    queries = np.array([[[1.0, 2.0], [3.0, 4.0], [-9.0, 0.0]]], "float32")
    vectors = np.array([[1.0, 0.5]], "float32")
    weights = np.array([[5.0, 7.0]], "float32")
    value, (to_queries,) = value_and_gradients(lambda q: ops.sum(weights * chosen_interest(q, vectors)), queries)
    assert float(value) == 5 * 3 + 7 * 4
    assert to_queries.tolist() == [[[0, 0], [5, 7], [0, 0]]]


def test_half_precision_stays_half():
    found = chosen_interest(ops.ones((2, 3, 4), "bfloat16"), np.ones((2, 4), "float32"))
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
