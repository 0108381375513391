"""`read`: detect the format of a file or folder, read it and clean it."""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.layouts import find_reader
from tfrec.data.readers.side_files import read_side_table, with_side_tables
from tfrec.data.readers.text_table import TextFormat, text_format
from tfrec.data.readers.titles import with_titles
from tfrec.data.tables.ids import encode_ids
from tfrec.data.tables.interactions import Interactions
from tfrec.errors import InputError


def read(
    path: str | Path,
    user: str | None = None,
    item: str | None = None,
    time: str | Literal[False] | None = None,
    weight: str | None = None,
    context: Iterable[str] = (),
    items: str | Path | None = None,
    users: str | Path | None = None,
    min_weight: float | None = None,
    min_user_count: int = 1,
    min_item_count: int = 1,
    separator: str | None = None,
    encoding: str | None = None,
    header: bool = True,
    columns: Sequence[str] | None = None,
    date_format: str | None = None,
    title: str | None = None,
) -> Interactions:
    """Read interactions from a file or a publisher's folder, and clean them.

    The format of `path` is detected by its content:

    - a csv, tsv, JSON lines or parquet table with a header. Ids of text files are kept as strings: "007" stays "007".
      Only if all ids of a column are written like 7.0 (integers that became floats, because the column has gaps), they
      become "7". Empty cells and the usual spellings of missing values (NaN, NA, null, None) are missing.
    - a sequence file: `user item`, one interaction per line in time order, or `user item item ...`. A folder with a
      `sequences.txt` may hold `item_to_movie.txt` (its item ids to MovieLens ids, with titles in `movies.dat`),
      `user_to_movielens.txt`, and `titles.json`.
    - MovieLens as published: `ratings.csv` and `movies.csv` (latest, 20M and later), `ratings.dat`, `movies.dat` and
      `users.dat` (1M, 10M), `u.data`, `u.item` and `u.user` (100K).
    - RecBole's atomic files: `*.inter`, `*.item`, `*.user` with typed headers. The split of a folder with
      `X.train.inter`, `X.valid.inter` and `X.test.inter` (or `X.part1.inter` to `X.part3.inter`) is kept, see
      `tfrec.data.Fixed`. If the folder holds other data too, pass `folder/X`.

    Args:
        path: the file or folder.
        user: name of the column of user ids. This and the next three may be omitted if the table uses well-known names,
            such as user_id, reviewerID, CustomerID; item_id, asin, ISBN, StockCode, book_id; timestamp, unixReviewTime,
            InvoiceDate; rating, overall, stars, Quantity (all are in `tfrec.data.readers.known_names`). Case, blanks
            and punctuation are ignored. If several columns match, one is preferred, such as item_id over product_id,
            parent_asin over asin, and user_id over session_id, with a note in the report.
        item: name of the column of item ids.
        time: name of the column of times; False if the rows are in time order. If no time column is named or known, the
            rows count as being in time order, unless a column looks like times.
        weight: name of a column of ratings, labels or counts.
        context: names of further columns to keep.
        items: path of a csv, tsv or parquet side table of items, with ids in a column named as `item`, else in its
            first column. It replaces the item table of a publisher's folder.
        users: path of a side table of users, likewise.
        min_weight: smallest weight to keep. By default there is no threshold: every rating is an interaction.
        min_user_count: minimum number of rows per user.
        min_item_count: minimum number of rows per item.
        separator: separator of the columns of a text file; None detects tabs, commas, semicolons, bars and `::`.
        encoding: encoding of text files that are not UTF-8, such as latin-1.
        header: whether the first line of a text file names the columns; if not, they are named "1", "2", ...
        columns: names for the columns of a text file without a header, in order: `["user", "item", "", "time"]`. Use an
            empty name for columns that are not needed.
        date_format: format of the times, as for `strptime`, such as "%d/%m/%Y %H:%M"; None detects ISO 8601 and other
            unambiguous formats.
        title: column of item titles, in the item table or in the data itself.

    Returns:
        the cleaned table; its `report` counts the dropped rows by cause.

    Raises:
        InputError: if the path is missing or unreadable, its layout is unknown, its content is malformed, a column is
            not found, an unnamed column looks like times, or all rows are dropped.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "plays.csv"
        ...     _ = path.write_text("listener,song,at\\nann,007,20\\nann,008,10\\n")
        ...     table = read(path, user="listener", item="song", time="at")
        >>> table.item_ids[table.item_codes].tolist()
        ['008', '007']
    """
    if isinstance(context, str):
        raise InputError(f"context must be a list of column names, got the string {context!r}: pass [{context!r}].")
    form = text_format(separator, encoding, header, columns)
    wanted = Columns(user, item, time or None, weight, tuple(context), title=title, in_order=time is False)
    try:
        source = find_reader(Path(path), form)(wanted)
        found, notes = source.columns, (*source.columns.notes, *source.notes)
        sides = {"items": source.items, "users": source.users}
        for what, given, column in (("items", items, found.item), ("users", users, found.user)):
            if given is not None:
                _, known = encode_ids(source.frame[column])
                sides[what], more = read_side_table(Path(given), column, what, TextFormat(encoding=encoding), known)
                notes = (*notes, *more)
        sides["items"], more = with_titles(sides["items"], source.frame, found.item, title)
        notes = (*notes, *more)
    except OSError as error:
        where = error.filename or path
        raise InputError(
            f"Cannot read {where}: {error.strerror or error}. Check the path and its permissions."
        ) from None
    if found.weight is not None and weight is None and min_weight is None:
        numbers = pd.to_numeric(source.frame[found.weight], errors="coerce")
        if numbers.isna().any():
            rows = int(numbers.isna().sum())
            note = f"'{found.weight}' is not a number in {rows:,} rows and was not named, so it is ignored"
            found, notes = dataclasses.replace(found, weight=None), (*notes, note)
    build = functools.partial(
        Interactions.from_pandas,
        source.frame,
        user=found.user,
        item=found.item,
        time=found.time,
        weight=found.weight,
        context=found.context,
        min_weight=min_weight,
        min_user_count=min_user_count,
        min_item_count=min_item_count,
        part=found.part,
        date_format=date_format,
    )
    table, more = with_side_tables(build, sides, {"items": items, "users": users})
    return dataclasses.replace(table, report=table.report.with_notes((*notes, *more)))
