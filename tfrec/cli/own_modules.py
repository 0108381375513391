"""`--import MODULE`: import a module that registers the user's own models."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from tfrec.errors import InputError


def add_import_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option --import."""
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="import a Python module first, from the current folder or an installed package, to register your own "
        "models with Keras. This runs the module's code: import only modules that you trust. Can be repeated",
    )


def import_options(names: Sequence[str]) -> str:
    """The options --import of a command that is shown to the user, with a blank in front of each.

    Example:
        >>> import_options(["my_models"])
        ' --import my_models'
    """
    return "".join(f" --import {name}" for name in names)


def import_modules(names: Sequence[str]) -> None:
    """Import modules by name. Only the user names modules; presets never do.

    Raises:
        InputError: if a module is not found or its import fails.
    """
    if not names:
        return
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")) or name.endswith(".py"):
            raise InputError(f"--import needs a module name, such as my_models or acme.models, got {name!r}.")
        try:
            importlib.import_module(name)
        except Exception as error:  # the user's code may raise any error
            raise InputError(f"--import {name} failed: {type(error).__name__}: {error}") from error
