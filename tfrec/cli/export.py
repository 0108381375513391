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
        "preset", type=path, metavar="PRESET", help="a name of the zoo, or a folder; not with --ranking"
    )
    folder = parser.add_argument(
        "folder",
        type=path,
        metavar="DIR",
        help="the model's folder on the server: DIR/<version>/ is written; with a slash at its end, and no versions in "
        "it, DIR/PRESET/<version>/",
    )
    add_ranking_arguments(parser, folder)
    parser.add_argument("--k", type=whole(), default=20, metavar="N", help="length of the ranked lists (20)")
    parser.add_argument("--keep-seen", action="store_true", help="recommend also what stands in the history")
    parser.add_argument(
        "--verify",
        choices=("tensorflow", "runtime", "both"),
        default="tensorflow",
        help="what must give the model's own answers: TensorFlow in a fresh process, the server's C API, or both",
    )
    parser.add_argument(
        "--index",
        choices=tuple(INDEX_KINDS),
        default="exact",
        help="how the best items are found: "
        + "; ".join(f"{kind.name}, {kind.summary}" for kind in INDEX_KINDS.values()),
    )
    parser.add_argument(
        "--recall",
        type=number(above=0, most=1),
        default=0.95,
        metavar="X",
        help="the share of the exact answer that an approximate index must find (0.95)",
    )
    parser.add_argument(
        "--add",
        type=existing,
        metavar="FILE",
        help="items that are new, or have new vectors: a csv or parquet with a column item, and like (ids of items "
        "that are alike, with spaces between) or vector (numbers, likewise); title if there is one",
    )
    parser.add_argument(
        "--withdraw", type=existing, metavar="FILE", help="items that are no longer returned: a raw id a line"
    )
    parser.add_argument("--int8", action="store_true", help="item vectors and dense layers in int8: a quarter the size")
    parser.add_argument(
        "--measure",
        type=existing,
        metavar="PATH",
        help="with --int8: a dataset whose users' last items say what it costs in NDCG@10",
    )
    tables = parser.add_argument_group("the tables of --add and --measure")
    add_column_arguments(tables)
    parser.add_argument("--keep", type=whole(), metavar="N", help="remove all but the newest N versions (keep all)")
    parser.add_argument(
        "--keep-rejected",
        type=path,
        metavar="DIR",
        help="where an export that does not give the model's answers is kept, with the request that showed it; not in "
        "the model's folder (not kept)",
    )


def run(options: argparse.Namespace) -> int:
    """Export, and say how to serve it; 1 where the export does not give the model's answers."""
    for name, value in INDEX_KINDS[options.index].environment.items():  # before TensorFlow is imported
        os.environ.setdefault(name, value)
    if options.ranking or options.retrieval:
        return _explained(run_ranking, options)
    from tfrec import presets

    presets.find(options.preset)  # before TensorFlow is imported
    return _explained(_run_one, options)


def _explained(export: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Run an export; a rejected one is explained in one line."""
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

    if options.measure and not options.int8:
        raise InputError("--measure says what int8 costs: give --int8 too, or leave it out.")
    folder = model_folder(options.folder, options.preset)
    # Before anything that takes time.
    check_arguments(folder, options.k, options.verify, options.keep, options.keep_rejected)
    withdrawn = read_ids(options.withdraw, options.encoding) if options.withdraw else ()
    preset = presets.load(options.preset, RetrievalModel)
    report: dict[str, Any] = {}
    if options.add:
        preset, report = with_new_items(preset, options.add, text_format(**text_options(options)))
    if options.k > preset.spec.num_items:
        say(f"Lists are of {preset.spec.num_items:,} places: there are no more items.")
    if options.int8:
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
    how = serving.how_to_serve(version, some, timestamps="timestamps" in preset.model.input_names, image=image)
    say(f"{version}: written, and its answers are the model's own\n\n{how}")


def _in_int8(preset: Preset, options: argparse.Namespace) -> tuple[Preset, dict[str, Any]]:
    """The preset in int8, and what that costs on a dataset."""
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
