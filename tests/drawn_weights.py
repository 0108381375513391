"""Weights that are all far from where they begin: what depends on one of them is seen."""

import numpy as np


def drawn(layer, seed=0, scale=0.4):
    """A layer or model with all its weights drawn anew, from a normal distribution around 0."""
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0, scale, weight.shape) for weight in layer.get_weights()])
    return layer
