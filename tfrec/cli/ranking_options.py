"""`tfrec export --ranking B DIR`, with `--retrieval A` in front of it or without."""

from __future__ import annotations

import argparse
from typing import Any

from tfrec.cli.option_types import path, whole
from tfrec.errors import InputError

# Options of an export of one retrieval model alone, and what they are where nobody names them.
from tfrec.terminal import say

_OF_ONE = {"int8": False, "measure": None}
_OF_RETRIEVAL = {"add": None, "keep_seen": False, "withdraw": None, "index": "exact"}


class _NamesPreset(argparse.Action):
    """An option that names the preset, so that the only place left on the command line is DIR."""

    def __init__(self, *args: Any, folder: argparse.Action, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.folder = folder

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, values)
        self.folder.required = False


def add_ranking_arguments(parser: argparse.ArgumentParser, folder: argparse.Action) -> None:
    """The options of exports with a ranking model; `folder` is the argument DIR."""
    parser.add_argument(
        "--ranking",
        type=path,
        metavar="PRESET",
        action=_NamesPreset,
        folder=folder,
        help="tfrec export [--retrieval PRESET] --ranking PRESET DIR: a model that ranks what the retrieval model "
        "finds, or, without one, the items that a request names",
    )
    parser.add_argument(
        "--retrieval",
        type=path,
        metavar="PRESET",
        action=_NamesPreset,
        folder=folder,
        help="what finds the candidates to rank",
    )
    parser.add_argument("--candidates", type=whole(), metavar="N", help="with --retrieval: how many are ranked (200)")


def run_ranking(options: argparse.Namespace) -> None:
    """Export, and say how to serve it."""
    from tfrec import presets, serving
    from tfrec.cli.catalogue_files import read_ids, with_new_items
    from tfrec.cli.data_options import text_options
    from tfrec.cli.model_folder import model_folder
    from tfrec.data.readers.text_table import text_format
    from tfrec.models import RetrievalModel

    if not options.ranking:
        raise InputError("--retrieval finds candidates for a --ranking preset: name that too, or export PRESET alone.")
    if options.folder is not None:
        raise InputError(
            f"With --ranking the presets are named by options: got '{options.preset}' beside the folder "
            f"'{options.folder}'. Give tfrec export --retrieval {options.preset} --ranking {options.ranking} "
            f"{options.folder}."
        )
    given = [name for name, default in _OF_ONE.items() if getattr(options, name) != default]
    if options.retrieval is None:
        given += [name for name, default in _OF_RETRIEVAL.items() if getattr(options, name) != default]
        given += ["candidates"] if options.candidates is not None else []
    if given:
        raise InputError(f"--{given[0].replace('_', '-')} says something of a retrieval model that is exported alone"
                         f"{'' if options.retrieval else ', or in front of the ranking one'}.")  # fmt: skip
    folder = model_folder(options.preset, options.ranking)
    common = {"verify": options.verify, "keep": options.keep, "keep_rejected": options.keep_rejected}
    if options.retrieval is None:
        version = serving.export_ranking(options.ranking, folder, **common)
    else:
        retrieval, report = options.retrieval, {}
        if options.add:
            form = text_format(**text_options(options))
            retrieval, report = with_new_items(presets.load(retrieval, RetrievalModel), options.add, form)
        version = serving.export_two_stage(
            retrieval,
            options.ranking,
            folder,
            options.k,
            200 if options.candidates is None else options.candidates,
            mask_seen=not options.keep_seen,
            index=options.index,
            recall=options.recall,
            withdrawn=read_ids(options.withdraw, options.encoding) if options.withdraw else (),
            report=report,
            **common,
        )
        say(serving.describe_common(version))
    say(f"{version}: written, and its answers are the models' own\n\n{serving.how_to_ask(version)}")
