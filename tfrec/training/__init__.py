"""Recipes: what was trained on what and how, as a file that trains it again."""

from tfrec.training.recipe import Recipe
from tfrec.training.train import Training, train

__all__ = ["Recipe", "Training", "train"]
