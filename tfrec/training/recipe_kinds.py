"""Recipes as files: which kind one is."""

from __future__ import annotations

from pathlib import Path

from tfrec import models
from tfrec.errors import InputError
from tfrec.training.ranking_recipe import RankingRecipe
from tfrec.training.recipe import Recipe
from tfrec.training.recipe_file import class_named, read_toml

# Entries that only one kind of recipe has.
_OF_RANKING = ("task", "history", "features", "positive", "unseen_rate", "monitor")
_OF_RETRIEVAL = ("loss", "masking", "pairs", "item_attributes", "max_length", "windows", "group_by_length")


def load_recipe(path: str | Path, labelled: bool = False) -> Recipe | RankingRecipe:
    """Read a recipe: one of a ranking model where its model is one, or where it names none and is of labelled rows.

    Args:
        path: of the file.
        labelled: whether the data are known to be labelled rows.

    Raises:
        InputError: where the file cannot be read, or says something that no recipe says.
    """
    try:
        content = read_toml(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return Recipe.load(path)  # which says what is wrong
    model = content.get("model")
    name = model.get("class") if isinstance(model, dict) else None
    kind = getattr(models, name, None) if isinstance(name, str) else None
    is_own = isinstance(name, str) and ">" in name
    if is_own:  # a class of the user's, which must be registered by now
        kind = class_named(models, name, "model", models.Recommender)
    ranks = isinstance(kind, type) and issubclass(kind, models.RankingModel)
    retrieving, ranking = _named(models.RetrievalModel), _named(models.RankingModel)
    of_ranking = [entry for entry in _OF_RANKING if entry in content]
    if name is None and (of_ranking or labelled):
        of_retrieval = [entry for entry in _OF_RETRIEVAL if entry in content]
        if of_retrieval:
            why = f"it has {of_ranking[0]}" if of_ranking else "a label is named"
            raise InputError(
                f"The recipe has {of_retrieval[0]}, which is an entry of retrieval models, but {why}, as for ranking "
                f"models. Leave one of them out, or name the model.class: {', '.join(retrieving)} retrieve, "
                f"{', '.join(ranking)} rank."
            )
        if isinstance(model, dict) and model:
            raise InputError(f"The recipe's [model] names no class: give one of {', '.join(ranking)}.")
        ranks = True
    if not ranks and of_ranking and (name is None or is_own or name in retrieving):
        raise InputError(
            f"The recipe's {of_ranking[0]} belongs to ranking models, and its model.class {name!r} is none of them: "
            f"{', '.join(ranking)}."
        )
    if isinstance(name, str) and not is_own and name not in (*retrieving, *ranking):
        raise InputError(
            f"The recipe's model.class must be one of {', '.join(retrieving)}, which retrieve, or "
            f"{', '.join(ranking)}, which rank: got {name!r}."
        )
    return (RankingRecipe if ranks else Recipe).load(path)


def _named(base: type) -> list[str]:
    """The models of the zoo that are of a kind."""
    kinds = {name: one for name, one in vars(models).items() if isinstance(one, type) and issubclass(one, base)}
    return sorted(name for name, one in kinds.items() if one is not base)
