import numpy as np
from keras import ops

from tfrec.ops import prefix_mean


def test_equals_the_formula():
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(3, 5, 2)), np.arange(5) >= np.array([[0], [3], [5]])
    y = ops.convert_to_numpy(prefix_mean(x.astype("float32"), mask))
    for b, t in np.ndindex(3, 5):
        seen = [x[b, s] for s in range(t + 1) if mask[b, s]]
        np.testing.assert_allclose(y[b, t], np.mean(seen, axis=0) if seen else 0, atol=1e-6)


def test_half_precision_is_summed_in_float32():
    x = ops.convert_to_tensor(np.ones((1, 3000, 1), "float16"))  # a float16 sum of ones stops at 2,048
    y = prefix_mean(x, np.ones((1, 3000), bool))
    assert y.dtype == "float16"
    np.testing.assert_array_equal(ops.convert_to_numpy(y), 1.0)
