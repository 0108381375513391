"""Ids of any spelling, and presets whose weights matter."""

import numpy as np

from tfrec import presets

IDS = ["7", "007", "with space", "a,b", 'quo"te', "Größe", "日本", "🎬", " lead", "tab\tbed", "x" * 300]


def made(model, spec, folder):
    """A preset whose weights are all far from where they begin."""
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.4, weight.shape) for weight in model.get_weights()])
    presets.save(model, spec, folder)
    return presets.load(folder)
