"""Recipes: files that describe a training run, and the functions that carry them out."""

from tfrec.training.ranking_recipe import RankingRecipe
from tfrec.training.recipe import Recipe
from tfrec.training.recipe_kinds import load_recipe
from tfrec.training.train_ranking import RankingTraining, train_ranking
from tfrec.training.train_retrieval import Training, train

__all__ = ["RankingRecipe", "RankingTraining", "Recipe", "Training", "load_recipe", "train", "train_ranking"]
