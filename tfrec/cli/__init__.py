"""The command line. Exit codes: 0 success; 2 wrong input, explained in one line on stderr; 1 any other failure."""

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

_LONGEST_MESSAGE = 2_000  # characters: a message may quote a long input
# Command -> its description. Each is a module of this package with `add_arguments` and `run`.
_COMMANDS = {
    "quickstart": "train, evaluate and export a model on generated data, in a few minutes",
    "prepare": "download a MovieLens dataset from its publisher",
    "train": "train a model on a table of interactions and write a preset",
    "evaluate": "measure a preset on the held-out test part of a dataset",
    "export": "write a SavedModel that TensorFlow Serving loads",
    "serve-check": "check an exported version: files, operations, answers, warm-up, fuzzing, latency",
    "recommend": "recommend items for a history of titles or ids",
    "explain": "show the attention weights of a model for a history, or for an item that it scores",
    "list": "list the bundled presets with their metrics",
    "seeds": "collect the metrics of runs with different seeds in the preset's seeds.json",
}
# Commands that load or train a model, whose class the user may have written.
_OWN_MODELS = ("train", "evaluate", "export", "recommend", "explain")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    accept_every_character()
    # TensorFlow logs a missing GPU as an error. Real failures raise exceptions as well.
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of the output closed the pipe
        return 1
    except MemoryError:
        say(
            f"tfrec {options.command}: this machine has too little memory: use smaller sizes or less data",
            error=True,
        )
        return 2
    except OSError as error:  # a full disk, a folder without write permission
        say(f"tfrec {options.command}: {_one_line(error)}", error=True)
        return 2
    return code or 0


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]} ..."


def _module(command: str) -> object:
    return importlib.import_module(f"tfrec.cli.{command.replace('-', '_')}")
