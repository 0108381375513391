"""The one way in from a file: recognise what it is, read it, clean it."""

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

    What `path` is, is recognised by its content:

    - a csv, tsv or parquet table with a header. Ids of text files are strings as they stand: "007" stays "007"; but
      where all of a column are written like 7.0, they are whole numbers that a gap has made floats: "7". Empty cells
      and the usual spellings of nothing (NaN, NA, null, None) are missing values.
    - a sequence file: `user item`, an interaction a line in time order, or `user item item ...`. A folder with a
      `sequences.txt` may hold `item_to_movie.txt` (its item ids to MovieLens ids, titled by `movies.dat`),
      `user_to_movielens.txt`, and `titles.json`.
    - MovieLens as its publisher packs it: `ratings.csv` and `movies.csv` (latest, 20M and later), `ratings.dat`,
      `movies.dat` and `users.dat` (1M, 10M), `u.data`, `u.item` and `u.user` (100K).
    - RecBole's atomic files: `*.inter`, `*.item`, `*.user` with typed headers. A folder with `X.train.inter`,
      `X.valid.inter` and `X.test.inter` (or `X.part1.inter` to `X.part3.inter`) keeps this split, see
      `tfrec.data.Fixed`; beside other files its path is `folder/X`.

    Args:
        path: the file or folder.
        user: name of the column of user ids. This and the next three may be left out where the table uses well-known
            names, such as user_id, reviewerID, CustomerID; item_id, asin, ISBN, StockCode, book_id; timestamp,
            unixReviewTime, InvoiceDate; rating, overall, stars, Quantity (`tfrec.data.readers.known_names` has them
            all). Case, blanks and marks do not count. Where several columns could be meant one is preferred, such as
            item_id before product_id, parent_asin before asin, and user_id before session_id, and a note says so.
        item: name of the column of item ids.
        time: name of the column of times; False where the rows are in time order already. If no column of times is
            named or known, the rows count as being in time order, unless a column looks like one of times.
        weight: name of a column of ratings, labels or counts.
        context: names of further columns to carry along.
        items: path of a csv, tsv or parquet side table of items, its ids in a column named as `item`, else in its
            first one. It takes the place of what a publisher's folder says of the items.
        users: path of a side table of users, likewise.
        min_weight: smallest weight to keep. There is no threshold by default: every rating is an interaction.
        min_user_count: fewest rows a user must have.
        min_item_count: fewest rows an item must have.
        separator: what stands between the columns of a text file; None recognises tabs, commas, semicolons, bars and
            `::`.
        encoding: of text files that are not UTF-8, such as latin-1.
        header: whether the first line of a text file names the columns; if not, they are named "1", "2", ...
        columns: names for the columns of a text file without a header, in their order: `["user", "item", "", "time"]`.
            An empty name stands for a column that has none.
        date_format: how times are written, by the codes of `strptime`, such as "%d/%m/%Y %H:%M"; None recognises ISO
            8601 and other forms that leave no doubt.
        title: column of the titles of items, in the table of items or in the data itself.

    Returns:
        the cleaned table; its `report` counts what was dropped and why.

    Raises:
        InputError: where the path is missing or unreadable, its layout is unknown, its content is malformed, a column
            is not found, a column that nobody named looks like one of times, or nothing is left after cleaning.

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
        raise InputError(f"context is a list of column names, got the string {context!r}: give [{context!r}].")
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
            note = f"'{found.weight}' is not a number in {rows:,} rows and was not named: it is left aside"
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
