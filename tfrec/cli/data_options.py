"""Options for reading a table of interactions, shared by several commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfrec.cli.option_types import dataset, existing, number, whole
from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.data import Examples, Interactions


def add_data_arguments(parser: argparse.ArgumentParser, required: bool = True, user: str = "--user") -> None:
    """Add --data and the options for reading it.

    Args:
        parser: of the command.
        required: whether the command needs --data.
        user: name of the option for the user column.
    """
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        type=dataset,
        required=required,
        metavar="PATH",
        help="a csv, tsv or parquet file, a sequence file (user item ...), or a folder in a publisher's layout: "
        "MovieLens latest, 1M, 100K, or RecBole, also with its fixed splits",
    )
    add_column_arguments(group, user)
    group.add_argument("--rating", metavar="COLUMN", help="rating column, or another weight")
    group.add_argument("--label", metavar="COLUMN", help="label column, for ranking models")
    group.add_argument(
        "--items", type=existing, metavar="PATH", help="table of item features; its id column is named as in the data"
    )
    group.add_argument("--title", metavar="COLUMN", help="item title column, in the item table or in the data")
    group.add_argument(
        "--users", type=existing, metavar="PATH", help="table of user features; its id column is named as in the data"
    )
    group.add_argument("--min-rating", type=number(), metavar="X", help="drop rows with a rating below X")
    group.add_argument(
        "--min-user-count", type=whole(), default=1, metavar="N", help="drop users with fewer than N rows (1)"
    )
    group.add_argument(
        "--min-item-count", type=whole(), default=1, metavar="N", help="drop items with fewer than N rows (1)"
    )


def add_column_arguments(group: argparse._ArgumentGroup, user: str = "--user") -> None:
    """Add the options for a table's columns and its format; `user` names the option for the user column."""
    group.add_argument(user, metavar="COLUMN", help="user id column, if it is not recognised")
    group.add_argument("--item", metavar="COLUMN", help="item id column, if it is not recognised")
    group.add_argument("--time", metavar="COLUMN", help="time column, if it is not recognised: numbers or dates")
    group.add_argument(
        "--no-time",
        dest="time",
        action="store_const",
        const=False,
        help="the rows are already in time order: read no time column",
    )
    group.add_argument(
        "--date-format",
        metavar="FORMAT",
        help="strptime format of ambiguous dates, such as '%%d/%%m/%%Y'",
    )
    add_format_arguments(group)


def add_format_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the options for the format of a text table, where it cannot be detected."""
    group.add_argument("--sep", metavar="TEXT", help="column separator, if it is not recognised: ';', '\\t', '::'")
    group.add_argument("--encoding", metavar="NAME", help="encoding of text files that are not UTF-8, such as latin-1")
    group.add_argument(
        "--no-header",
        action="store_true",
        help="the first line is data; columns are numbered from 1: --user 1 --item 2 --time 4",
    )
    group.add_argument(
        "--columns",
        type=_names,
        metavar="NAMES",
        help="names of all columns of a table without a header: user,item,rating,time; an empty name skips a column",
    )


def text_options(options: argparse.Namespace) -> dict[str, Any]:
    """The readers' arguments for the format of a text table."""
    return {
        "separator": options.sep,
        "encoding": options.encoding,
        "header": not options.no_header,
        "columns": options.columns,
    }


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def read_data(options: argparse.Namespace, context: Sequence[str] = ()) -> Interactions:
    """Read the table that the options name, and print its cleaning report.

    Args:
        options: as added by `add_data_arguments`.
        context: further columns to keep.
    """
    from tfrec import data

    table = data.read(
        options.data,
        user=options.user,
        item=options.item,
        time=options.time,
        weight=options.rating,
        context=context,
        items=options.items,
        users=options.users,
        min_weight=options.min_rating,
        min_user_count=options.min_user_count,
        min_item_count=options.min_item_count,
        date_format=options.date_format,
        title=options.title,
        **text_options(options),
    )
    say(f"{options.data}\n{table.report}\n")
    return table


def read_rows(options: argparse.Namespace, context: Sequence[str] = ()) -> Interactions | Examples:
    """Read training rows of a ranking model: labelled rows if a label is named or recognised, otherwise ratings."""
    from pathlib import Path

    from tfrec import data
    from tfrec.data.readers.text_table import text_format
    from tfrec.errors import InputError

    path = Path(options.data)
    form = text_format(**text_options(options))
    if options.label is None and not (path.exists() and data.is_labelled(path, form)):
        return read_data(options, context)
    filters = {"--rating": None, "--min-rating": None, "--min-user-count": 1, "--min-item-count": 1}
    given = {name: getattr(options, name[2:].replace("-", "_")) for name in filters}
    unused = [name for name, value in given.items() if value != filters[name]]
    if unused:
        raise InputError(f"{unused[0]} applies to tables of ratings, but these rows have labels: remove it.")
    roles = (options.label, options.user, options.item, options.time or None)
    how = {"date_format": options.date_format, "title": options.title, **text_options(options)}
    table = data.read_examples(path, *roles, items=options.items, users=options.users, **how)
    say(f"{options.data}\n{table.report}\n")
    return table
