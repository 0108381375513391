"""Load a recipe file, and detect whether it is one of a retrieval or of a ranking model."""

from __future__ import annotations

from pathlib import Path

from tfrec import models
from tfrec.errors import InputError
from tfrec.training.ranking_recipe import RankingRecipe
from tfrec.training.recipe import Recipe
from tfrec.training.recipe_file import class_named, read_toml

# Entries that only one kind of recipe has.
_OF_RANKING = ("task", "history", "features", "positive", "unseen_rate", "monitor")
_OF_RETRIEVAL = ("masking", "pairs", "item_attributes", "max_length", "windows", "group_by_length")


def load_recipe(path: str | Path, labelled: bool = False) -> Recipe | RankingRecipe:
    """Read a recipe. It is a ranking recipe if its model is a ranking model, or if it names none and rows are labelled.

    Args:
        path: path of the file.
        labelled: whether the data is known to be labelled rows.

    Raises:
        InputError: if the file cannot be read, or has invalid entries.
    """
    try:
        content = read_toml(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return Recipe.load(path)  # raises the error
    model = content.get("model")
    name = model.get("class") if isinstance(model, dict) else None
    kind = getattr(models, name, None) if isinstance(name, str) else None
    is_own = isinstance(name, str) and ">" in name
    if is_own:  # the user's own class, which must be registered by now
        kind = class_named(models, name, "model", models.Recommender)
    ranks = isinstance(kind, type) and issubclass(kind, models.RankingModel)
    retrieving, ranking = _named(models.RetrievalModel), _named(models.RankingModel)
    reads_features = hasattr(kind, "take_features")  # a retrieval model, such as TwoTower
    of_ranking = [entry for entry in _OF_RANKING if entry in content and not (reads_features and entry == "features")]
    if name is None and (of_ranking or labelled):
        of_retrieval = [entry for entry in _OF_RETRIEVAL if entry in content]
        if of_retrieval:
            why = f"it has {of_ranking[0]}" if of_ranking else "a label is named"
            raise InputError(
                f"The recipe has {of_retrieval[0]}, an entry of retrieval models, but {why}, as for ranking models. "
                f"Remove one of them, or set model.class: {', '.join(retrieving)} are retrieval models, "
                f"{', '.join(ranking)} are ranking models."
            )
        if isinstance(model, dict) and model:
            raise InputError(f"The recipe's [model] has no class: set it to one of {', '.join(ranking)}.")
        ranks = True
    if not ranks and of_ranking and (name is None or is_own or name in retrieving):
        raise InputError(
            f"The recipe's {of_ranking[0]} needs a ranking model, but its model.class is {name!r}. Ranking models: "
            f"{', '.join(ranking)}."
        )
    if isinstance(name, str) and not is_own and name not in (*retrieving, *ranking):
        raise InputError(
            f"The recipe's model.class must be a retrieval model ({', '.join(retrieving)}) or a ranking model "
            f"({', '.join(ranking)}), got {name!r}."
        )
    return (RankingRecipe if ranks else Recipe).load(path)


def _named(base: type) -> list[str]:
    """The names of the models with a given base class."""
    kinds = {name: one for name, one in vars(models).items() if isinstance(one, type) and issubclass(one, base)}
    return sorted(name for name, one in kinds.items() if one is not base)
