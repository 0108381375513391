"""`tfrec evaluate`: measure a preset on a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tfrec.cli.baseline_options import add_baseline_argument, check_no_baseline
from tfrec.cli.data_options import add_data_arguments, read_data, read_rows
from tfrec.cli.option_types import path, whole
from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.data import Examples, Interactions
    from tfrec.evaluation import LabelReport, Report
    from tfrec.presets import Preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("preset", type=path, metavar="PRESET", help="name of a bundled preset, or a folder")
    add_data_arguments(parser)
    parser.add_argument(
        "--k", type=whole(), nargs="+", default=[10], metavar="K", help="lengths of the ranked lists (10)"
    )
    parser.add_argument("--keep-seen", action="store_true", help="also rank items of the history")
    parser.add_argument(
        "--all-rows",
        action="store_true",
        help="for ranking presets: score all rows instead of the test part; histories come from the other rows",
    )
    add_baseline_argument(parser, default="popularity")
    parser.add_argument("--out", type=path, metavar="FILE", help="also write the report as JSON")


def run(options: argparse.Namespace) -> None:
    """Rank the test items of the preset's split, or score its test rows for a ranking preset."""
    from tfrec import atomic, presets
    from tfrec.errors import InputError

    presets.find(options.preset)  # before TensorFlow is imported
    from tfrec.models import RankingModel

    preset = presets.load(options.preset)
    if options.out:
        atomic.check_writable(Path(options.out))
    ranks = isinstance(preset.model, RankingModel)
    if options.all_rows and not ranks:
        raise InputError(
            "--all-rows needs a ranking preset, but this is a retrieval preset, which is measured on the held-out "
            "items: remove it."
        )
    if ranks:
        check_no_baseline(options)
    report = (_of_labels if ranks else _of_rankings)(preset, options)
    if options.out:
        report.save(options.out)


def _of_rankings(preset: Preset, options: argparse.Namespace) -> Report:
    from tfrec import evaluation
    from tfrec.training import Recipe

    path = preset.folder / "recipe.toml"  # missing if the model was saved from Python
    recipe = Recipe.load(path) if path.exists() else Recipe()
    table = read_data(options)
    names = options.baseline or ("popularity",)
    evaluation.check_baselines(names, preset.spec.num_items)
    train, _, holdout = table.split(recipe.with_split_of(table).build_split())
    reports = [
        evaluation.evaluate(scorer, preset.spec, holdout, ks=tuple(options.k), mask_seen=not options.keep_seen)
        for scorer in (*evaluation.build_baselines(names, train, preset.spec), preset.model)
    ]
    notes = [*filter(None, [recipe.split_note(table)]), *reports[-1].notes, *_other_data(preset, table)]
    say("\n".join([evaluation.comparison(reports), *notes]))
    return reports[-1]


def _of_labels(preset: Preset, options: argparse.Namespace) -> LabelReport:
    from tfrec import evaluation
    from tfrec.errors import InputError
    from tfrec.training import RankingRecipe

    path = preset.folder / "recipe.toml"
    if not path.exists():
        raise InputError(
            f"{preset.folder} has no recipe.toml, so the labels and the split of its rows are unknown: add one, or use "
            "tfrec.evaluation.evaluate_labelled in Python."
        )
    recipe = RankingRecipe.load(path)
    table = read_rows(options)
    recipe = recipe.with_split_of(table)
    examples = recipe.build_examples(table, all_known=options.all_rows)
    split = examples.split(recipe.build_split())
    if options.all_rows:
        test, known, notes = examples, examples, ()
    else:
        test, known = split.test, recipe.known_rows(examples, split.train)
        notes = (*filter(None, [recipe.split_note(table)]), *_other_data(preset, table))
    scorers = [*evaluation.label_baselines(split.train), preset.model]
    reports = [evaluation.evaluate_labelled(scorer, preset.spec, test, known, recipe.task) for scorer in scorers]
    say("\n".join([evaluation.label_comparison(reports), *reports[-1].notes, *notes]))
    return reports[-1]


def _other_data(preset: Preset, table: Interactions | Examples) -> list[str]:
    """A warning if the rows differ from the training data, so that the split differs too."""
    trained_on = preset.metrics.get("training", {}).get("data_sha256")
    if trained_on in (None, table.sha256()):
        return []
    return [
        "Warning: these are not the rows that the preset was trained on. The split was drawn again, so the test part "
        "may contain training rows."
    ]
