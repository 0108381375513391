import numpy as np
import pytest
from keras import ops

from tfrec.ops import unit_vectors


def test_divides_by_the_length():
    x = np.random.default_rng(0).normal(size=(3, 2, 5)).astype("float32")
    expected = x / np.sqrt((x.astype("float64") ** 2).sum(-1, keepdims=True))
    np.testing.assert_allclose(ops.convert_to_numpy(unit_vectors(x)), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_does_not_overflow(dtype):
    unit = unit_vectors(ops.cast(np.full((1, 4), 3e4), dtype))
    assert unit.dtype == dtype
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(unit, "float32")), 0.5, atol=1e-2)


def test_the_zero_vector_stays_zero_with_a_gradient_of_0(value_and_gradients):
    x = np.array([[0.0, 0.0], [1e-9, 0.0], [3.0, 4.0]], "float32")
    towards = np.array([[1.0, 2.0], [1.0, 1.0], [1.0, 0.0]], "float32")
    value, (gradient,) = value_and_gradients(lambda x: ops.sum(unit_vectors(x) * towards), x)
    np.testing.assert_allclose(value, 0.6, rtol=1e-6)
    np.testing.assert_array_equal(gradient[:2], 0.0)
    np.testing.assert_allclose(gradient[2], [16 / 125, -12 / 125], rtol=1e-5)
