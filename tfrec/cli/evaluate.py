"""`tfrec evaluate`: measure a preset on a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfrec.cli.baseline_options import add_baseline_argument, check_no_baseline
from tfrec.cli.data_options import add_data_arguments, read_data, read_rows
from tfrec.cli.option_types import number, path, whole
from tfrec.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "preset",
        type=path,
        metavar="PRESET",
        help="name of a bundled preset, its folder, or the folder of an export that recommends items",
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--k", type=whole(), nargs="+", default=[10], metavar="K", help="lengths of the ranked lists (10)"
    )
    parser.add_argument(
        "--relevant",
        type=number(),
        metavar="X",
        help="lowest rating or label of the held-back items that a list should hold (for retrieval presets all items; "
        "for ranking presets 1 for clicks, and three quarters of the range for ratings, such as 4 for 1 to 5)",
    )
    parser.add_argument(
        "--max-users",
        type=whole(),
        metavar="N",
        help="rank items for N users, drawn at random (all; for ranking presets at most 50 million pairs)",
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
    """Rank the test items of the preset's split; for a ranking preset, also score its test rows."""
    from tfrec import atomic, presets
    from tfrec.errors import InputError

    if options.preset not in presets.zoo() and is_export(options.preset):
        _evaluate_export(options)
        return
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
    measured = runner.evaluate(
        preset,
        table,
        options.k,
        not options.keep_seen,
        options.all_rows,
        options.baseline or ("popularity",),
        options.relevant,
        options.max_users,
        verbose=True,
    )
    say(str(measured))
    if options.out:
        measured.save(options.out)


def is_export(folder: str) -> bool:
    """Whether a folder is a version of an export, or the folder of a model with versions."""
    path = Path(folder)
    there = [path, *(one for one in path.iterdir() if one.name.isdigit())] if path.is_dir() else []
    return any((one / "saved_model.pb").is_file() for one in there)


def _evaluate_export(options: argparse.Namespace) -> None:
    """Measure the lists that an export serves."""
    from tfrec import atomic
    from tfrec.errors import InputError

    for name in ("keep_seen", "all_rows"):
        if getattr(options, name):
            raise InputError(
                f"--{name.replace('_', '-')} applies to presets: an export has fixed settings. Remove the option."
            )
    if options.label is not None:
        raise InputError("--label applies to ranking presets: an export is measured on interactions, so leave it out.")
    if options.out:
        atomic.check_writable(Path(options.out))
    from tfrec import measure

    measured = measure.evaluate_export(
        options.preset,
        read_data(options),
        options.k,
        options.baseline or ("popularity",),
        options.relevant,
        options.max_users,
        verbose=True,
    )
    say(str(measured))
    if options.out:
        measured.save(options.out)
