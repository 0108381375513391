"""Options that name a table of interactions, shared by the commands that read one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tfrec.cli.option_types import dataset, existing, number, whole
from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.data import Examples, Interactions


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --data and what says how to read it."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        type=dataset,
        required=True,
        metavar="PATH",
        help="a csv, tsv or parquet file, a sequence file (user item ...), or a folder in a publisher's layout "
        "(MovieLens latest, 1M, 100K, RecBole, with its fixed splits too)",
    )
    group.add_argument("--user", metavar="COLUMN", help="column of user ids, where it is not recognised")
    group.add_argument("--item", metavar="COLUMN", help="column of item ids")
    group.add_argument("--time", metavar="COLUMN", help="column of times: numbers or dates")
    group.add_argument(
        "--no-time",
        dest="time",
        action="store_const",
        const=False,
        help="the rows are in time order already: read no column of times",
    )
    group.add_argument("--rating", metavar="COLUMN", help="column of ratings or other weights")
    group.add_argument(
        "--label", metavar="COLUMN", help="for ranking models: column of labels, in a table of labelled rows"
    )
    group.add_argument(
        "--items", type=existing, metavar="PATH", help="table of items with ids in a column named as in the data"
    )
    group.add_argument("--users", type=existing, metavar="PATH", help="table of users, likewise")
    group.add_argument("--min-rating", type=number(), metavar="X", help="drop rows with a rating below X")
    group.add_argument("--min-user-count", type=whole(), default=1, metavar="N", help="drop users with fewer rows")
    group.add_argument("--min-item-count", type=whole(), default=1, metavar="N", help="drop items with fewer rows")


def read_data(options: argparse.Namespace) -> Interactions:
    """Read the table that the options name, and print what was kept and dropped."""
    from tfrec import data

    table = data.read(
        options.data,
        user=options.user,
        item=options.item,
        time=options.time,
        weight=options.rating,
        items=options.items,
        users=options.users,
        min_weight=options.min_rating,
        min_user_count=options.min_user_count,
        min_item_count=options.min_item_count,
    )
    say(f"{options.data}\n{table.report}\n")
    return table


def read_rows(options: argparse.Namespace) -> Interactions | Examples:
    """Read what a ranking model learns from: labelled rows where a label is named or known, else ratings."""
    from pathlib import Path

    from tfrec import data
    from tfrec.errors import InputError

    path = Path(options.data)
    if options.label is None and not (path.exists() and data.is_labelled(path)):
        return read_data(options)
    filters = {"--rating": None, "--min-rating": None, "--min-user-count": 1, "--min-item-count": 1}
    given = {name: getattr(options, name[2:].replace("-", "_")) for name in filters}
    unused = [name for name, value in given.items() if value != filters[name]]
    if unused:
        raise InputError(f"{unused[0]} is an option of tables of ratings, and these are labelled rows: leave it out.")
    roles = (options.label, options.user, options.item, options.time or None)
    table = data.read_examples(path, *roles, items=options.items, users=options.users)
    say(f"{options.data}\n{table.report}\n")
    return table
