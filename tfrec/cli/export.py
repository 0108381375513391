"""`tfrec export`: a preset becomes a version folder for TensorFlow Serving."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfrec.cli.data_options import add_column_arguments, text_options
from tfrec.cli.model_folder import model_folder
from tfrec.cli.option_types import existing, number, path, whole
from tfrec.cli.ranking_options import add_ranking_arguments, run_ranking
from tfrec.errors import InputError
from tfrec.index_kinds import INDEX_KINDS
from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.presets import Preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "preset", type=path, metavar="PRESET", help="name of a bundled preset, or a folder; omit with --ranking"
    )
    folder = parser.add_argument(
        "folder",
        type=path,
        metavar="DIR",
        help="the model's folder on the server; the export is written to DIR/<version>/. If DIR ends with a slash and "
        "has no versions, it is written to DIR/PRESET/<version>/",
    )
    add_ranking_arguments(parser, folder)
    parser.add_argument("--k", type=whole(), default=20, metavar="N", help="length of the ranked lists (20)")
    parser.add_argument("--keep-seen", action="store_true", help="also recommend items of the history")
    parser.add_argument(
        "--verify",
        choices=("tensorflow", "runtime", "both"),
        default="tensorflow",
        help="where to verify that the export answers like the model: TensorFlow in a fresh process (the default), "
        "TensorFlow's C API as in the server, or both",
    )
    parser.add_argument(
        "--index",
        choices=tuple(INDEX_KINDS),
        default="exact",
        help="index that finds the best items: "
        + "; ".join(f"{kind.name}, {kind.summary}" for kind in INDEX_KINDS.values()),
    )
    parser.add_argument(
        "--recall",
        type=number(above=0, most=1),
        default=0.95,
        metavar="X",
        help="share of the exact answer that an approximate index must find (0.95)",
    )
    parser.add_argument(
        "--add",
        type=existing,
        metavar="FILE",
        help="add items, or replace their vectors: a csv or parquet file with the columns item, and like (ids of "
        "similar items) or vector (numbers), both separated by spaces, or the item features that a two-tower model "
        "reads; title is optional",
    )
    parser.add_argument(
        "--withdraw", type=existing, metavar="FILE", help="never return these items: a text file, one raw id per line"
    )
    parser.add_argument(
        "--int8-weights", action="store_true", help="store item vectors and dense layers in int8, a quarter of the size"
    )
    parser.add_argument("--int8", dest="int8_weights", action="store_true", help=argparse.SUPPRESS)  # the old name
    parser.add_argument(
        "--measure",
        type=existing,
        metavar="PATH",
        help="with --int8-weights: dataset on which NDCG@10 with and without int8 is compared, leave-one-out",
    )
    tables = parser.add_argument_group("format of the tables of --add and --measure")
    add_column_arguments(tables)
    parser.add_argument("--keep", type=whole(), metavar="N", help="delete all but the newest N versions (keep all)")
    parser.add_argument(
        "--keep-rejected",
        type=path,
        metavar="DIR",
        help="keep an export that fails verification here, with the request that failed; outside the model's folder "
        "(delete it)",
    )


def run(options: argparse.Namespace) -> int:
    """Export, and print how to serve it; returns 1 if the export fails verification."""
    for name, value in INDEX_KINDS[options.index].environment.items():  # before TensorFlow is imported
        os.environ.setdefault(name, value)
    if options.ranking or options.retrieval:
        return _explained(run_ranking, options)
    from tfrec import presets

    presets.find(options.preset)  # before TensorFlow is imported
    return _explained(_run_one, options)


def _explained(export: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Run an export; explain a rejected one in one line."""
    try:
        export(options)
    except RuntimeError as error:
        from tfrec.serving import ParityError
        from tfrec.serving.verify.rejected import explained

        if not isinstance(error, ParityError):
            raise
        say(f"tfrec export: {explained(error)}", error=True)
        return 1
    return 0


def _run_one(options: argparse.Namespace) -> None:
    """Export a retrieval model."""
    from tfrec import presets, serving
    from tfrec.cli.catalogue_files import read_ids, with_new_items
    from tfrec.data.readers.text_table import text_format
    from tfrec.models import RetrievalModel
    from tfrec.serving.exporter import check_arguments

    if options.measure and not options.int8_weights:
        raise InputError("--measure compares int8 with float32: add --int8-weights, or remove --measure.")
    folder = model_folder(options.folder, options.preset)
    # Before anything that takes time.
    check_arguments(folder, options.k, options.verify, options.keep, options.keep_rejected)
    withdrawn = read_ids(options.withdraw, options.encoding) if options.withdraw else ()
    preset = presets.load(options.preset, RetrievalModel)
    report: dict[str, Any] = {}
    if options.add:
        preset, report = with_new_items(preset, options.add, text_format(**text_options(options)))
    if options.k > preset.spec.num_items:
        say(f"Ranked lists have {preset.spec.num_items:,} items, the size of the catalogue, not {options.k:,}.")
    if options.int8_weights:
        preset, cost = _in_int8(preset, options)
        report |= cost
    version = serving.export(
        preset,
        folder,
        options.k,
        mask_seen=not options.keep_seen,
        verify=options.verify,
        keep=options.keep,
        index=options.index,
        recall=options.recall,
        withdrawn=withdrawn,
        report=report,
        keep_rejected=options.keep_rejected,
    )
    fits = INDEX_KINDS[options.index].fits_stock_server
    image = None if fits else f"A_SERVER_WITH_{options.index.upper()}"
    some = [item for item in preset.spec.items.tokens[:20].tolist() if item not in withdrawn][:2]
    reads = preset.model.input_names
    user = preset.spec.users.tokens[0] if "user" in reads else None
    how = serving.how_to_serve(version, some, timestamps="timestamps" in reads, image=image, user=user)
    say(f"{version}: written and verified against the model\n\n{how}")


def _in_int8(preset: Preset, options: argparse.Namespace) -> tuple[Preset, dict[str, Any]]:
    """The preset in int8, and its NDCG@10 on a dataset before and after."""
    from tfrec import evaluation, presets
    from tfrec.data import Fixed, LeaveLastOut, read

    small, data = presets.in_int8(preset), options.measure
    if data is None:
        return small, {"int8": {"ndcg@10": None}}
    names = {name: getattr(options, name) for name in ("user", "item", "time", "date_format")}
    table = read(data, **names, **text_options(options))
    test = table.split(LeaveLastOut() if table.parts is None else Fixed()).test
    found = {
        name: evaluation.evaluate(one.model, one.spec, test).metrics["ndcg@10"]
        for name, one in (("float32", preset), ("int8", small))
    }
    say(f"NDCG@10 on {data}: {found['float32']:.4f} with float32, {found['int8']:.4f} with int8")
    return small, {"int8": {"ndcg@10": found, "data": data}}
