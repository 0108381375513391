"""Carry out a recipe: train, compare with baselines, evaluate, save, draw."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfrec import evaluation, presets, training
from tfrec.data import Examples, Interactions
from tfrec.evaluation import LabelReport, Report
from tfrec.measure import Evaluation, evaluate
from tfrec.pictures import drawn
from tfrec.presets.attribute_vectors import PLACE, AttributeVectors
from tfrec.terminal import say
from tfrec.training import RankingRecipe, RankingTraining, Recipe, Training, checkpoints, curves
from tfrec.training.record import training_record

_LARGE_CATALOGUE = 20_000  # items: beyond it a full softmax needs too much memory for a small machine
_SAMPLED = {"class": "SampledSoftmax", "num_negatives": 1024}

__all__ = ["Evaluation", "Run", "default_recipe", "evaluate", "resolve", "run"]

Reports = dict[str, list[Report] | list[LabelReport]]


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: folder of the written preset.
        recipe: the recipe of the run, with all defaults.
        training: model, spec, split and training history.
        reports: "valid" and "test" -> the reports of the baselines, then the report of the model.
    """

    folder: Path
    recipe: Recipe | RankingRecipe
    training: Training | RankingTraining
    reports: Reports

    @property
    def metrics(self) -> dict[str, float]:
        """The model's metrics on the test part."""
        return self.reports["test"][-1].metrics


def run(
    table: Interactions | Examples,
    recipe: Recipe | RankingRecipe | None,
    out: str | Path,
    *,
    recipe_text: str | None = None,
    checkpoint: Path | None = None,
    verbose: bool = True,
    baselines: Sequence[str] = evaluation.DEFAULT_BASELINES,
) -> Run:
    """Train on a table, compare with baselines, evaluate on the test part, and write a preset with all metrics.

    This is `tfrec train` in Python.

    Args:
        table: interactions for a retrieval recipe; labelled rows, or interactions with ratings, for a ranking recipe.
        recipe: a retrieval or a ranking recipe; None takes the default: a SASRec, or an AutoInt for labelled rows.
        out: folder of the preset: new, empty, or a preset, which is replaced at the end.
        recipe_text: text of the recipe's file, which keeps its comments; None generates the file from `recipe`.
        checkpoint: folder for the state of the run, from which an interrupted run continues; it is deleted at the end.
            None stores no state.
        verbose: whether to print progress and the comparison.
        baselines: baselines of retrieval models, names from `tfrec.evaluation.BASELINES`. Labelled rows are
            always compared with the mean label and the user and item biases.

    Raises:
        InputError: if the recipe or a baseline does not match the table, or `out` or `checkpoint` contains other files.

    Example:
        >>> from tfrec.data import generate_world
        >>> recipe = Recipe(epochs=1, model={"class": "SASRec", "hidden_dim": 8}, max_length=10)
        >>> done = run(generate_world(num_users=60, num_items=120), recipe, "preset", verbose=False)
        >>> "ndcg@10" in done.metrics, len(presets.load("preset").recommend([["m0001"]], k=3)[0][0])
        (True, 3)
    """
    out = presets.check_target(out)
    tell: Callable[..., None] = say if verbose else lambda text: None
    recipe, recipe_text = resolve(recipe, table, recipe_text)
    ranks = isinstance(recipe, RankingRecipe)
    recipe_text = recipe_text or recipe.to_toml()  # before anything is trained
    carry_out = training.train_ranking if ranks else training.train
    if not ranks:  # before anything is trained
        evaluation.check_baselines(baselines, table.num_items)
    # A progress bar redraws itself, which only a terminal can show.
    level: int | str = 0 if not verbose else "auto" if sys.stdout.isatty() else 2
    if note := recipe.split_note(table):
        tell(note)
    done = carry_out(table, recipe, verbose=level, checkpoint=checkpoint)
    tell(f"\nBest epoch {done.best_epoch} of {len(done.history['loss'])}, {done.seconds:,.0f} s\n")
    if recipe.weights != "float32":
        presets.round_weights(
            done.model, recipe.weights
        )  # before the evaluation: the metrics are those of the stored weights
    reports = _label_reports(done, recipe) if ranks else _ranked_reports(done, recipe, baselines)
    tell("\n".join(_comparison(reports, done, recipe, table)))
    extra: dict[str, str | bytes] = {"recipe.toml": recipe_text}
    if not ranks and recipe.item_attributes:  # `tfrec export --add` needs them for items with attributes only
        extra[PLACE] = AttributeVectors.of_model(done.model, done.spec, recipe.attribute_columns()).to_bytes()
    metrics = {part: {report.model: report.to_json() for report in found} for part, found in reports.items()} | {
        "training": training_record(done, recipe, table)
    }
    presets.save(done.model, done.spec, out, metrics, extra_files=extra, dtype=recipe.weights)
    finished = Run(out, recipe, done, reports)
    shown = finished.metrics if ranks else {"NDCG@10": finished.metrics["ndcg@10"]}
    tell(f"\n{out}: preset written, test " + ", ".join(f"{name} {value:.4f}" for name, value in shown.items()))
    presets.add_files(out, drawn(_pictures(finished)))  # last, so that a failing plot loses no results
    if checkpoint is not None:
        checkpoints.discard(checkpoint)
    return finished


def resolve(
    recipe: Recipe | RankingRecipe | None, table: Interactions | Examples, text: str | None = None
) -> tuple[Recipe | RankingRecipe, str | None]:
    """The recipe for a table, and its text, or None if the recipe differs from the text.

    A table with its own split keeps it, unless the recipe names a split. Without a recipe, large catalogues are
    trained with sampled negatives.
    """
    if recipe is None and isinstance(table, Examples):
        recipe = RankingRecipe()
    elif recipe is None:
        recipe = default_recipe(table)
    fitted = recipe.with_split_of(table)
    return fitted, text if fitted is recipe or table.parts is None else None


def default_recipe(table: Interactions) -> Recipe:
    """The recipe that is used if none is given."""
    return Recipe(loss=_SAMPLED) if table.num_items > _LARGE_CATALOGUE else Recipe()


def _ranked_reports(done: Training, recipe: Recipe, baselines: Sequence[str]) -> Reports:
    scorers = [*evaluation.build_baselines(baselines, done.split.train, done.spec), done.model]
    return {
        part: [evaluation.evaluate(scorer, done.spec, holdout, seed=recipe.seed) for scorer in scorers]
        for part, holdout in (("valid", done.split.valid), ("test", done.split.test))
    }


def _label_reports(done: RankingTraining, recipe: RankingRecipe) -> Reports:
    scorers = [*evaluation.label_baselines(done.split.train), done.model]
    return {
        part: [
            evaluation.evaluate_labelled(scorer, done.spec, rows, done.known, recipe.task, recipe.seed)
            for scorer in scorers
        ]
        for part, rows in (("valid", done.split.valid), ("test", done.split.test))
    }


def _comparison(
    reports: Reports,
    done: Training | RankingTraining,
    recipe: Recipe | RankingRecipe,
    table: Interactions | Examples,
) -> list[str]:
    found = reports["test"]
    if isinstance(recipe, RankingRecipe):
        return ["Test rows: " + evaluation.label_comparison(found), *found[-1].notes]
    lines = [f"Test items, {evaluation.comparison(found)}", *found[-1].notes]
    untested = table.num_users - done.split.test.targets.num_users
    if untested:
        lines.append(f"Not evaluated: {untested:,} of {table.num_users:,} users, who {recipe.build_split().untested}.")
    return lines


def _pictures(finished: Run) -> Mapping[str, Callable[[], bytes]]:
    done, recipe = finished.training, finished.recipe
    metric = recipe.monitored_metric
    baselines = {
        report.model: report.metrics[metric] for report in finished.reports["valid"][:-1] if metric in report.metrics
    }
    pictures: dict[str, Any] = {
        "learning_curve.png": lambda: curves.learning_curve(done.history, baselines, f"val_{metric}")
    }
    if isinstance(recipe, RankingRecipe):
        test = done.split.test
        pictures["predictions.png"] = lambda: evaluation.label_plot(
            evaluation.predictions(done.model, done.spec, test, done.known),
            test.labels,
            recipe.task,
            f"{finished.folder.name}, test rows",
        )
    return pictures
