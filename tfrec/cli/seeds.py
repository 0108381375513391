"""`tfrec seeds`: mean and standard deviation of a recipe's metrics over several seeds."""

from __future__ import annotations

import argparse

from tfrec.cli.option_types import path
from tfrec.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("preset", type=path, metavar="PRESET", help="folder of the preset, where seeds.json is written")
    parser.add_argument(
        "runs",
        type=path,
        metavar="RUN",
        nargs="+",
        help="folders that `tfrec train --seed N` wrote from the same recipe and data",
    )


def run(options: argparse.Namespace) -> None:
    """Write seeds.json, and print one row per seed."""
    import statistics

    from tfrec import presets

    entries = presets.gather_seeds(options.preset, options.runs)
    names = list(entries[0]["test"])
    say("seed  " + "  ".join(f"{name:>16}" for name in names))
    for entry in entries:
        say(f"{entry['seed']:>4}  " + "  ".join(f"{entry['test'][name]:>16.4f}" for name in names))
    columns = [[entry["test"][name] for entry in entries] for name in names]
    say("mean  " + "  ".join(f"{statistics.fmean(of):.4f} ± {statistics.stdev(of):.4f}" for of in columns))
