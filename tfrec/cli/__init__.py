"""The command line. Exit code 0: done; 2: the input was wrong, one line on stderr says how; 1: anything else."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import tfrec
from tfrec.cli.own_modules import add_import_argument, import_modules
from tfrec.cli.parser import Parser
from tfrec.errors import InputError
from tfrec.terminal import accept_every_character, say

_LONGEST_MESSAGE = 2_000  # characters: what was given may be quoted in it
# name -> what it does; each is a module here with `add_arguments` and `run`.
_COMMANDS = {
    "quickstart": "train, evaluate and export on a generated world, in a few minutes",
    "prepare": "download a MovieLens dataset from its publisher",
    "train": "train a model on a table of interactions and write a preset",
    "evaluate": "rank the full catalogue for the held-back items of a dataset",
    "export": "write a SavedModel that TensorFlow Serving loads",
    "serve-check": "check a version folder: files, operations, answers, warm-up, fuzzing, latency",
    "recommend": "recommend items for a history of titles or ids",
    "explain": "show what of a history a model looks at, and of the features when a ranking model scores an item",
    "list": "list the presets that come with tfrec, with what they reach",
    "seeds": "gather runs of one recipe with several seeds into the preset's seeds.json",
}
# Commands that read or train a model, which may be of a class of the user's own.
_OWN_MODELS = ("train", "evaluate", "export", "recommend", "explain")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    accept_every_character()
    # TensorFlow reports a machine without a GPU as an error; what really fails comes as an exception too.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = Parser(prog="tfrec", description="Attention-based recommenders: train, serve, fine-tune.")
    parser.add_argument("--version", action="version", version=f"tfrec {tfrec.__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _COMMANDS.items():
        subparser = subparsers.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        _module(name).add_arguments(subparser)
        if name in _OWN_MODELS:
            add_import_argument(subparser)
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        import_modules(getattr(options, "imports", ()))
        code = _module(options.command).run(options)
    except InputError as error:
        say(f"tfrec {options.command}: {_one_line(error)}", error=True)
        return 2
    except KeyboardInterrupt as stop:
        say(f"tfrec {options.command}: interrupted; {str(stop) or 'nothing was written'}", error=True)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has gone
        return 1
    except MemoryError:
        say(
            f"tfrec {options.command}: the memory of this machine is not enough: use smaller sizes or less data",
            error=True,
        )
        return 2
    except OSError as error:  # a disk that is full, a folder that may not be written
        say(f"tfrec {options.command}: {_one_line(error)}", error=True)
        return 2
    return code or 0


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]} ..."


def _module(command: str) -> object:
    return importlib.import_module(f"tfrec.cli.{command.replace('-', '_')}")
