"""Random weights far from their initial values, so that every dependence on a weight is visible."""

import numpy as np


def drawn(layer, seed=0, scale=0.4):
    """A layer or model whose weights are drawn again from a normal distribution around 0; integers are kept."""
    rng = np.random.default_rng(seed)
    old = layer.get_weights()
    layer.set_weights([each if each.dtype.kind in "iu" else rng.normal(0, scale, each.shape) for each in old])
    return layer
