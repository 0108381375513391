"""`tfrec evaluate`: a preset against a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tfrec.cli.data_options import add_data_arguments, read_data, read_rows

if TYPE_CHECKING:
    from tfrec.evaluation import LabelReport
    from tfrec.presets import Preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("preset", metavar="PRESET", help="a name of the zoo, or a folder")
    add_data_arguments(parser)
    parser.add_argument("--k", type=int, nargs="+", default=[10], metavar="K", help="lengths of the ranked lists")
    parser.add_argument("--keep-seen", action="store_true", help="rank items of the history too")
    parser.add_argument("--out", metavar="FILE", help="write the report as JSON as well")


def run(options: argparse.Namespace) -> None:
    """Rank for the last item of each user; or score the test rows of a ranking preset's own split."""
    from tfrec import atomic, evaluation, presets
    from tfrec.data import LeaveLastOut
    from tfrec.models import RankingModel

    preset = presets.load(options.preset)
    if options.out:
        atomic.check_writable(Path(options.out))
    if isinstance(preset.model, RankingModel):
        report = _of_labels(preset, options)
        if options.out:
            report.save(options.out)
        return
    split = read_data(options).split(LeaveLastOut())
    reports = [
        evaluation.evaluate(scorer, preset.spec, split.test, ks=tuple(options.k), mask_seen=not options.keep_seen)
        for scorer in (evaluation.Popularity(preset.spec), preset.model)
    ]
    print("\n".join([evaluation.comparison(reports), *reports[-1].notes]))
    if options.out:
        reports[-1].save(options.out)


def _of_labels(preset: Preset, options: argparse.Namespace) -> LabelReport:
    from tfrec import evaluation
    from tfrec.errors import InputError
    from tfrec.training import RankingRecipe

    path = preset.folder / "recipe.toml"
    if not path.exists():
        raise InputError(f"{preset.folder} has no recipe.toml, which says how its rows are labelled and split.")
    recipe = RankingRecipe.load(path)
    examples = recipe.build_examples(read_rows(options))
    split = examples.split(recipe.build_split())
    known = recipe.known_rows(examples, split.train)
    scorers = [*evaluation.label_baselines(split.train), preset.model]
    reports = [evaluation.evaluate_labelled(scorer, preset.spec, split.test, known, recipe.task) for scorer in scorers]
    print("\n".join([evaluation.label_comparison(reports), *reports[-1].notes]))
    return reports[-1]
