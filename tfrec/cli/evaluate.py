"""`tfrec evaluate`: a preset against a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfrec.cli.data_options import add_data_arguments, read_data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("preset", metavar="PRESET", help="a name of the zoo, or a folder")
    add_data_arguments(parser)
    parser.add_argument("--k", type=int, nargs="+", default=[10], metavar="K", help="lengths of the ranked lists")
    parser.add_argument("--keep-seen", action="store_true", help="rank items of the history too")
    parser.add_argument("--out", metavar="FILE", help="write the report as JSON as well")


def run(options: argparse.Namespace) -> None:
    """Rank for the last item of each user."""
    from tfrec import atomic, evaluation, presets
    from tfrec.data import LeaveLastOut
    from tfrec.models import RetrievalModel

    preset = presets.load(options.preset, RetrievalModel)
    if options.out:
        atomic.check_writable(Path(options.out))
    split = read_data(options).split(LeaveLastOut())
    reports = [
        evaluation.evaluate(scorer, preset.spec, split.test, ks=tuple(options.k), mask_seen=not options.keep_seen)
        for scorer in (evaluation.Popularity(preset.spec), preset.model)
    ]
    print("\n".join([evaluation.comparison(reports), *reports[-1].notes]))
    if options.out:
        reports[-1].save(options.out)
