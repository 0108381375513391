import numpy as np
import pytest
from keras import ops

from tfrec.ops import pointwise_attention


def arrays(length, per_row, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [
        (2, 3, length, 4),
        (2, 3, length, 4),
        (2, 3, length, 5),
        (2, length, length) if per_row else (length,) * 2,
    ]
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def oracle(q, k, v, b):
    q, k, v, b = (array.astype("float64") for array in (q, k, v, b))
    y = np.zeros((*q.shape[:3], v.shape[-1]))
    for row, head, i in np.ndindex(y.shape[:3]):
        for j in range(i + 1):
            x = q[row, head, i] @ k[row, head, j] + (b[row, i, j] if b.ndim == 3 else b[i, j])
            y[row, head, i] += x / (1 + np.exp(-x)) * v[row, head, j]
    return y


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("length", [1, 3, 4, 10])
def test_equals_the_formula(length, per_row):
    inputs = arrays(length, per_row)
    np.testing.assert_allclose(ops.convert_to_numpy(pointwise_attention(*inputs)), oracle(*inputs), atol=1e-4)


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("length", [2, 9])
def test_gradients_equal_those_of_the_plain_formula(length, per_row, value_and_gradients):
    inputs = arrays(length, per_row)
    towards = np.random.default_rng(1).normal(size=(2, 3, length, 5)).astype("float32")

    def plain(q, k, v, b):
        x = ops.matmul(q, ops.swapaxes(k, -1, -2)) + (ops.expand_dims(b, 1) if per_row else b)
        return ops.sum(ops.matmul(ops.silu(x) * np.tri(length, dtype="float32"), v) * towards)

    value, gradients = value_and_gradients(lambda *inputs: ops.sum(pointwise_attention(*inputs) * towards), *inputs)
    expected, plain_gradients = value_and_gradients(plain, *inputs)
    assert value == pytest.approx(expected, rel=1e-4)
    for ours, theirs in zip(gradients, plain_gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_later_positions_have_no_effect_however_large(value_and_gradients):
    q, k, v, b = arrays(6, False)
    k[:, :, 3:], v[:, :, 3:], b[:, 3:] = 1e3, 1e3, -1e3
    plain = ops.convert_to_numpy(pointwise_attention(*arrays(6, False)))
    np.testing.assert_array_equal(ops.convert_to_numpy(pointwise_attention(q, k, v, b))[:, :, :3], plain[:, :, :3])
    _, gradients = value_and_gradients(lambda *inputs: ops.sum(pointwise_attention(*inputs)[:, :, :3]), q, k, v, b)
    assert not any(gradient[:, :, 3:].any() for gradient in gradients[:3]) and not gradients[3][:, 3:].any()
