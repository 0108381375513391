"""Recipes as files: which kind one is."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tfrec import models
from tfrec.errors import InputError
from tfrec.training.ranking_recipe import RankingRecipe
from tfrec.training.recipe import Recipe


def load_recipe(path: str | Path) -> Recipe | RankingRecipe:
    """Read a recipe: one of a ranking model where its model is one.

    Raises:
        InputError: where the file cannot be read, or says something that no recipe says.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return Recipe.load(path)  # which says what is wrong
    model = content.get("model")
    name = model.get("class") if isinstance(model, dict) else None
    kind = getattr(models, name, None) if isinstance(name, str) else None
    ranks = isinstance(kind, type) and issubclass(kind, models.RankingModel)
    retrieving, ranking = _named(models.RetrievalModel), _named(models.RankingModel)
    if not ranks and "task" in content:
        raise InputError(
            f"The recipe's task is one of ranking models, and its model.class {name!r} is none: {', '.join(ranking)}."
        )
    if isinstance(name, str) and name not in (*retrieving, *ranking):
        raise InputError(
            f"The recipe's model.class must be one of {', '.join(retrieving)}, which retrieve, or "
            f"{', '.join(ranking)}, which rank: got {name!r}."
        )
    return (RankingRecipe if ranks else Recipe).load(path)


def _named(base: type) -> list[str]:
    """The models of the zoo that are of a kind."""
    kinds = {name: one for name, one in vars(models).items() if isinstance(one, type) and issubclass(one, base)}
    return sorted(name for name, one in kinds.items() if one is not base)
