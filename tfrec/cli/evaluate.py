"""`tfrec evaluate`: measure a preset on a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfrec.cli.baseline_options import add_baseline_argument, check_no_baseline
from tfrec.cli.data_options import add_data_arguments, read_data, read_rows
from tfrec.cli.option_types import path, whole
from tfrec.terminal import say


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
    from tfrec import runner
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
    table = read_rows(options) if ranks else read_data(options)
    baselines = options.baseline or ("popularity",)
    measured = runner.evaluate(preset, table, options.k, not options.keep_seen, options.all_rows, baselines)
    say(str(measured))
    if options.out:
        measured.report.save(options.out)
