"""`tfrec train`: a table of interactions becomes a preset."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfrec.cli.data_options import add_data_arguments, read_data, read_rows
from tfrec.cli.option_types import path, whole
from tfrec.cli.train_ranking import train_ranking_preset
from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.data import Interactions
    from tfrec.models import RetrievalModel
    from tfrec.training import Recipe

_LARGE_CATALOGUE = 20_000  # beyond it the logits of a full softmax no longer fit a small machine
_OVERRIDES = ("epochs", "batch_size", "max_length", "seed", "patience")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_data_arguments(parser)
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder of the preset that is written")
    parser.add_argument(
        "--recipe",
        type=path,
        metavar="RECIPE",
        help="a TOML file, the folder of a preset, or a name that `tfrec list` shows; without one, a SASRec for data "
        "of middling size, or with --label an AutoInt",
    )
    for name in _OVERRIDES:
        kind = whole(0, 2**32 - 1) if name == "seed" else whole()
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=f"the recipe's {name}")
    parser.add_argument(
        "--restart",
        action="store_true",
        help="begin anew where DIR.partial holds an interrupted run, which else goes on",
    )


def run(options: argparse.Namespace) -> None:
    """Read, train, evaluate, save."""
    from tfrec import presets
    from tfrec.errors import InputError

    recipe_file = presets.find_recipe(options.recipe) if options.recipe else None  # before TensorFlow is imported
    from tfrec.training import RankingRecipe, Recipe, checkpoints, load_recipe

    out = presets.check_target(options.out)
    partial = out.with_name(f"{out.name}.partial")
    if options.restart:
        checkpoints.discard(partial)
    text = None
    # Of labelled rows all that is known is that there are columns: a model that reads any.
    usual = RankingRecipe() if options.label else Recipe()
    recipe = load_recipe(recipe_file, labelled=options.label is not None) if recipe_file else usual
    overrides = {name: getattr(options, name) for name in _OVERRIDES if getattr(options, name) is not None}
    ranks = isinstance(recipe, RankingRecipe)
    if ranks and "max_length" in overrides:
        raise InputError("--max-length is an option of retrieval models: here the recipe's history has a length.")
    if overrides:
        recipe = dataclasses.replace(recipe, **overrides)
    elif recipe_file:
        text = recipe_file.read_text(encoding="utf-8")
    if options.label and not ranks:
        raise InputError("--label is an option of ranking models: and this recipe's model is none.")
    table = read_rows(options) if ranks else read_data(options)
    if recipe is not (recipe := recipe.with_split_of(table)):
        text = None
    if not recipe_file and not ranks and table.num_items > _LARGE_CATALOGUE:
        say(f"{table.num_items:,} items: training against sampled negatives; a recipe can choose another loss.\n")
        recipe = dataclasses.replace(recipe, loss={"class": "SampledSoftmax", "num_negatives": 1024})
    try:
        if ranks:
            train_ranking_preset(table, recipe, out, recipe_text=text, checkpoint=partial)
            checkpoints.discard(partial)
            return
        model = train_preset(table, recipe, options.out, recipe_text=text, checkpoint=partial)
    except KeyboardInterrupt:
        if partial.exists():
            raise KeyboardInterrupt(f"the same command goes on from {partial}") from None
        raise
    checkpoints.discard(partial)
    times = " --timestamps ..." if "timestamps" in model.input_names else ""
    say(f"\nNext:\n  tfrec recommend {options.out} --history ...{times}\n  tfrec export {options.out} served/")


def train_preset(
    table: Interactions,
    recipe: Recipe,
    folder: str | Path,
    recipe_text: str | None = None,
    checkpoint: Path | None = None,
) -> RetrievalModel:
    """Train on a table, compare with the baselines on the test items, and write the preset with all that was measured.

    Args:
        table: interactions.
        recipe: what to do.
        folder: of the preset.
        recipe_text: the recipe's own file, comments and all; None writes the recipe anew.
        checkpoint: folder that keeps the state of the run, to go on from; see `tfrec.training.train`.

    Returns:
        the trained model.
    """
    from tfrec import environment, evaluation, presets
    from tfrec.pictures import drawn
    from tfrec.presets import attribute_vectors
    from tfrec.training import train
    from tfrec.training.curves import learning_curve
    from tfrec.training.record import training_record

    # A bar redraws itself, which only a terminal can show.
    training = train(table, recipe, verbose="auto" if sys.stdout.isatty() else 2, checkpoint=checkpoint)
    spec, split = training.spec, training.split
    say(f"\nBest epoch {training.best_epoch} of {len(training.history['loss'])}, {training.seconds:,.0f} s\n")
    baselines = [evaluation.Popularity(spec), evaluation.ItemToItem(split.train, spec)]
    reports = {
        part: [evaluation.evaluate(scorer, spec, holdout, seed=recipe.seed) for scorer in (*baselines, training.model)]
        for part, holdout in (("valid", split.valid), ("test", split.test))
    }
    model_report = reports["test"][-1]
    say("\n".join([f"Test items, {evaluation.comparison(reports['test'])}", *model_report.notes]))
    unasked = table.num_users - split.test.targets.num_users
    if unasked:
        say(f"Not asked about: {unasked:,} of {table.num_users:,} users, who {recipe.build_split().unasked}.")
    metrics = {part: {report.model: report.to_json() for report in of_part} for part, of_part in reports.items()} | {
        "training": training_record(training, recipe, table)
    }
    extra: dict[str, str | bytes] = {"recipe.toml": recipe_text or recipe.to_toml()}
    if recipe.item_attributes:  # for items of which nothing else is known: `tfrec export --add`
        shared = attribute_vectors.AttributeVectors.of_model(training.model, spec, recipe.attribute_columns())
        extra[attribute_vectors.PLACE] = shared.to_bytes()
    presets.save(training.model, spec, folder, metrics, extra_files=extra)
    say(f"\n{folder}: preset written, test NDCG@10 {model_report.metrics['ndcg@10']:.4f}")
    if environment.has("matplotlib"):  # after everything that took time is safe
        to_beat = {report.model: report.metrics["ndcg@10"] for report in reports["valid"][:-1]}
        curve = drawn({"learning_curve.png": lambda: learning_curve(training.history, to_beat)})
        presets.add_files(folder, curve)
    return training.model
