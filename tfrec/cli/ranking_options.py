"""`tfrec export --ranking B DIR`, with or without `--retrieval A`."""

from __future__ import annotations

import argparse
from typing import Any

from tfrec.cli.option_types import path, whole
from tfrec.errors import InputError
from tfrec.terminal import say

# Options and their defaults.
_SINGLE_MODEL_ONLY = {"int8_weights": False, "measure": None}
_RETRIEVAL_ONLY = {"add": None, "keep_seen": False, "withdraw": None, "index": "exact"}


class _NamesPreset(argparse.Action):
    """An option that names a preset, so that the only positional argument is DIR."""

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
        help="tfrec export [--retrieval PRESET] --ranking PRESET DIR: a model that ranks the candidates of the "
        "retrieval model or, without --retrieval, the items of the request",
    )
    parser.add_argument(
        "--retrieval",
        type=path,
        metavar="PRESET",
        action=_NamesPreset,
        folder=folder,
        help="with --ranking: retrieval model that finds the candidates",
    )
    parser.add_argument("--candidates", type=whole(), metavar="N", help="with --retrieval: number of candidates (200)")


def run_ranking(options: argparse.Namespace) -> None:
    """Export, and print how to serve it."""
    from tfrec import presets, serving
    from tfrec.cli.catalogue_files import read_ids, with_new_items
    from tfrec.cli.data_options import text_options
    from tfrec.cli.model_folder import model_folder
    from tfrec.data.readers.text_table import text_format
    from tfrec.models import RetrievalModel

    if not options.ranking:
        raise InputError("--retrieval needs --ranking: add it, or export the retrieval preset alone.")
    if options.folder is not None:
        raise InputError(
            f"With --ranking the only argument is the folder, got '{options.preset}' and '{options.folder}'. Use tfrec "
            f"export --retrieval {options.preset} --ranking {options.ranking} {options.folder}."
        )
    given = [name for name, default in _SINGLE_MODEL_ONLY.items() if getattr(options, name) != default]
    if options.retrieval is None:
        given += [name for name, default in _RETRIEVAL_ONLY.items() if getattr(options, name) != default]
        given += ["candidates"] if options.candidates is not None else []
    if given:
        needs = "works only without --ranking" if given[0] in _SINGLE_MODEL_ONLY else "needs --retrieval"
        raise InputError(f"--{given[0].replace('_', '-')} {needs}: remove it, or export a retrieval preset.")
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
    say(f"{version}: written and verified against the model\n\n{serving.how_to_ask(version)}")
