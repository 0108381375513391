"""`--import MODULE`: the user's own models, which the command shall know."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from tfrec.errors import InputError


def add_import_argument(parser: argparse.ArgumentParser) -> None:
    """The option."""
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="import this Python module first, from the current folder or an installed package: it registers a model "
        "of your own with Keras. It runs the module's code, so name only what you trust; can be repeated",
    )


def import_modules(names: Sequence[str]) -> None:
    """Import modules by name; presets never decide what is imported.

    Raises:
        InputError: where a module is not found, or fails.
    """
    if not names:
        return
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")) or name.endswith(".py"):
            raise InputError(f"--import names a module, such as my_models or acme.models, got {name!r}.")
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever the user's code does
            raise InputError(f"--import {name} fails: {type(error).__name__}: {error}") from error
