"""`tfrec prepare`: download a public dataset from its publisher."""

from __future__ import annotations

import argparse

from tfrec.cli.option_types import path
from tfrec.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("name", choices=["ml-100k", "ml-1m", "ml-latest-small"], help="the dataset")
    parser.add_argument("--out", type=path, default="data", metavar="DIR", help="folder where it is unpacked (data)")


def run(options: argparse.Namespace) -> None:
    """Download, verify and unpack the dataset, and print the next command."""
    from tfrec.data.datasets import movielens

    folder = movielens.download(options.name, options.out)
    say(f"{folder}\n\nNext:\n  tfrec train --data {folder} --out my_model")
