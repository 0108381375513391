"""The training record in metrics.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfrec import environment
from tfrec.data.tables.data_hashes import data_hashes

if TYPE_CHECKING:
    from tfrec.data import Examples, Interactions
    from tfrec.training.recipe_file import RecipeFile
    from tfrec.training.train_ranking import RankingTraining
    from tfrec.training.train_retrieval import Training


def training_record(
    training: Training | RankingTraining, recipe: RecipeFile, table: Interactions | Examples
) -> dict[str, Any]:
    """Recipe, data, time, machine and history of a finished run, as a JSON-compatible dict."""
    return {
        "recipe": recipe.to_json(),
        "name": training.model.name,  # the name in reports
        **data_hashes(table),
        "rows_read": table.report.rows_read,
        "dropped": table.report.dropped,
        "best_epoch": training.best_epoch,
        "seconds": training.seconds,
        "seed": recipe.seed,
        "versions": environment.versions(),
        "machine": environment.machine(),
        "history": training.history,
    }
