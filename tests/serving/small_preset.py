"""Ids of any spelling, and presets whose weights all have an effect."""

from drawn_weights import drawn

from tfrec import presets

IDS = ["7", "007", "with space", "a,b", 'quo"te', "Größe", "日本", "🎬", " lead", "tab\tbed", "x" * 300]


def made(model, spec, folder):
    """A preset with weights far from their initial values."""
    presets.save(drawn(model), spec, folder)
    return presets.load(folder)
