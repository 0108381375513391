"""Labelled rows, or ratings, become the preset of a ranking model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.data import Examples, Interactions
    from tfrec.training import RankingRecipe


def train_ranking_preset(
    table: Interactions | Examples,
    recipe: RankingRecipe,
    folder: Path,
    recipe_text: str | None = None,
    checkpoint: Path | None = None,
) -> None:
    """Train, compare with the baselines on the test rows, and write the preset with all that was measured.

    Args:
        table: ratings, or labelled rows.
        recipe: what to do.
        folder: of the preset.
        recipe_text: the recipe's own file, comments and all; None writes the recipe anew.
        checkpoint: folder that keeps the state of the run, to go on from.
    """
    from tfrec import environment, evaluation, presets
    from tfrec.pictures import drawn
    from tfrec.training import train_ranking
    from tfrec.training.curves import learning_curve
    from tfrec.training.record import training_record

    verbose = "auto" if sys.stdout.isatty() else 2
    training = train_ranking(table, recipe, verbose=verbose, checkpoint=checkpoint)
    model, spec, split = training.model, training.spec, training.split
    say(f"\nBest epoch {training.best_epoch} of {len(training.history['loss'])}, {training.seconds:,.0f} s\n")
    scorers = [*evaluation.label_baselines(split.train), model]
    reports = {
        part: [
            evaluation.evaluate_labelled(scorer, spec, rows, training.known, recipe.task, recipe.seed)
            for scorer in scorers
        ]
        for part, rows in (("valid", split.valid), ("test", split.test))
    }
    own = reports["test"][-1]
    say("\n".join(["Test rows: " + evaluation.label_comparison(reports["test"]), *own.notes]))
    metrics = {part: {report.model: report.to_json() for report in of_part} for part, of_part in reports.items()} | {
        "training": training_record(training, recipe, table)
    }
    extra = {"recipe.toml": recipe_text or recipe.to_toml()}
    presets.save(model, spec, folder, metrics, extra_files=extra)
    measured = ", ".join(f"{name} {value:.4f}" for name, value in own.metrics.items())
    say(f"\n{folder}: preset written, test {measured}")
    if environment.has("matplotlib"):  # after everything that took time is safe
        to_beat = {
            report.model: report.metrics[recipe.decides]
            for report in reports["valid"][:-1]
            if recipe.decides in report.metrics
        }
        pictures = {
            "learning_curve.png": lambda: learning_curve(training.history, to_beat, f"val_{recipe.decides}"),
            "predictions.png": lambda: evaluation.label_plot(
                evaluation.predictions(model, spec, split.test, training.known),
                split.test.labels,
                recipe.task,
                f"{folder.name}, test rows",
            ),
        }
        presets.add_files(folder, drawn(pictures))
    say(f"\nNext:\n  tfrec export --ranking {folder} served/")
