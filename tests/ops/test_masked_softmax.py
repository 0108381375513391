import keras
import numpy as np
import pytest
from keras import ops

from tfrec.ops import masked_softmax

MASK = np.arange(5) >= np.array([[0], [3], [5]])


def test_equals_the_formula():
    scores = np.random.default_rng(0).normal(0, 3, (3, 2, 5))
    found = ops.convert_to_numpy(masked_softmax(scores.astype("float32"), MASK[:, None]))
    for b, h in np.ndindex(2, 2):
        real = np.exp(scores[b, h][MASK[b]])
        np.testing.assert_allclose(found[b, h][MASK[b]], real / real.sum(), atol=1e-6)
    assert not found[~np.broadcast_to(MASK[:, None], found.shape)].any()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_keeps_half_precision_finite(dtype):
    scores = ops.cast(np.full((3, 5), 6e4, "float32"), dtype)
    found = masked_softmax(scores, MASK)
    assert keras.backend.standardize_dtype(found.dtype) == dtype
    np.testing.assert_allclose(np.asarray(ops.cast(found, "float32")).sum(axis=-1), [1, 1, 0], atol=0.01)
