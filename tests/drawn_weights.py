"""Weights that are all far from where they begin: what depends on one of them is seen."""

import numpy as np


def drawn(layer, seed=0, scale=0.4):
    """A layer or model with all its weights drawn anew, from a normal distribution around 0; integers stay."""
    rng = np.random.default_rng(seed)
    old = layer.get_weights()
    layer.set_weights([each if each.dtype.kind in "iu" else rng.normal(0, scale, each.shape) for each in old])
    return layer
