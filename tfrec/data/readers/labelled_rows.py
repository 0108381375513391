"""`read_examples`: read files of labelled rows."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tfrec.data.readers.columns import notes_on_names
from tfrec.data.readers.contents import EXPECTED
from tfrec.data.readers.exact_times import has_lost_digits
from tfrec.data.readers.frame import TABLE_SUFFIXES, Table, open_table, table_format
from tfrec.data.readers.known_names import candidates, is_data, is_person, plain_name
from tfrec.data.readers.side_files import read_side_table, with_side_tables
from tfrec.data.readers.text_table import TextFormat, TextTable, text_format
from tfrec.data.readers.titles import with_titles
from tfrec.data.readers.unnamed_times import SAMPLE, is_time
from tfrec.data.tables.clean_examples import check_names
from tfrec.data.tables.compact_hours import is_compact_hours
from tfrec.data.tables.examples import Examples
from tfrec.data.tables.ids import encode_ids
from tfrec.errors import InputError

_CRITEO = ["label", *(f"I{number}" for number in range(1, 14)), *(f"C{number}" for number in range(1, 27))]
_PLAIN_ITEMS = ("itemid", "item", "movieid")
_PLAIN_TIMES = ("timestamp", "time")
_MISSING = ["", "NaN", "nan", "NA", "N/A", "null", "NULL", "None"]


def is_labelled(path: Path, form: TextFormat | None = None) -> bool:
    """Whether a path holds labelled rows: Criteo's format, or a table with a column named like a label."""
    file = _file(path)
    if file is None:
        return False
    try:
        table = _open(file, form)
    except InputError:  # not a table; reading it raises the error
        return False
    return bool(candidates("label", table.names))


def read_examples(
    path: str | Path,
    label: str | None = None,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    items: str | Path | None = None,
    users: str | Path | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    header: bool = True,
    columns: Sequence[str] | None = None,
    date_format: str | None = None,
    title: str | None = None,
) -> Examples:
    """Read labelled rows from a file, and clean them.

    Supported are csv, tsv, JSON lines and parquet tables with a header, and Criteo's display advertising data (no
    header, 40 tab-separated columns: label, 13 integers, 26 hashed categories), a file or a folder with one such file,
    whose columns are named I1 .. I13, C1 .. C26. All columns except those named, or found by name, become context. A
    column of a text file is numeric if all its values are numbers, such as 1e-05 and 2.5e3. It is not numeric if a
    value starts with a zero that would be lost, or if it mixes digits with values such as 1e5, which are then hashes
    that look like numbers.

    Args:
        path: the file.
        label: label column; None takes one named label, click, is_click and the like.
        user: column of user ids; None takes one with a well-known name, as in `read`, if there is one. Sessions and
            names of people do not count as users here.
        item: column of item ids; None takes one with a well-known name. Without users, only item, item_id and movie_id
            are recognised: in advertising data, other ids say where the advertisement was shown.
        time: column of times; None takes one with a well-known name, if its values are times.
        items: path of a csv, tsv or parquet side table of items, with ids in a column named as `item`, else in its
            first column.
        users: path of a side table of users, likewise.
        separator: separator of the columns of a text file; None detects it.
        encoding: encoding of text files that are not UTF-8, such as latin-1.
        header: whether the first line of a text file names the columns; if not, they are named "1", "2", ...
        columns: names for the columns of a text file without a header, as in `read`.
        date_format: format of the times, as for `strptime`; None detects it.
        title: column of item titles, in the item table or in the data itself.

    Raises:
        InputError: if the path is missing, its content is malformed, or a column is not found.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "ads.csv"
        ...     _ = path.write_text("click,site,age\\n1,007,20\\n0,008,\\n")
        ...     table = read_examples(path)
        >>> table, table.context["site"].tolist()
        (Examples(2 rows, mean label 0.5), ['007', '008'])
    """
    form = text_format(separator, encoding, header, columns)
    with _errors_of(path):
        file = _file(Path(path))
        if file is None:
            raise InputError(f"There is no file of labelled rows at {path}: {EXPECTED}.")
        opened = _open(file, form)
        ids = {name for role in ("user", "item") for name in candidates(role, opened.names)} | {user, item}
        frame, notes = opened.read(ids=ids & set(opened.names), texts=None, missing=_MISSING)
    names = [str(name) for name in frame.columns]
    roles = {"label": label, "user": user, "item": item, "time": time}
    if form.header and not opened.is_typed and is_data(names, [name for name in roles.values() if name]):
        listed = ", ".join(f"'{name[:30]}'" for name in names[:12])
        raise InputError(
            f"The first line of {file} looks like a row and not like a header: it begins with {listed}. If there is no "
            "header, name columns by position: header=False, label='1' (on the command line --no-header --label 1), "
            "and likewise user, item and time; or add a header."
        )
    known = _known(frame, roles)
    roles = {role: name or next(iter(known[role]), None) for role, name in roles.items()}
    if roles["label"] is None:
        raise InputError(
            f"{file} has the columns {', '.join(names)}: none has a well-known name for labels. Name the label column "
            "with label= (on the command line --label)."
        )
    notes = (*notes, *notes_on_names(known))
    if not opened.is_typed:  # keep ids as texts
        ids = (roles["user"], roles["item"])
        texts = frame.get(roles["time"])
        frame = frame.apply(lambda column: column if column.name in ids else _numbers(column))
        if texts is not None and has_lost_digits(frame[roles["time"]]):
            frame[roles["time"]] = texts
    sides = {}
    for what, role, given in (("items", "item", items), ("users", "user", users)):
        if given is not None:
            with _errors_of(given):
                known_ids = None if roles[role] is None else encode_ids(frame[roles[role]])[1]
                side = read_side_table(Path(given), roles[role], what, TextFormat(encoding=encoding), known_ids)
                sides[what], more = side
                notes = (*notes, *more)
    sides["items"], more = with_titles(sides.get("items"), frame, roles["item"], title)
    notes = (*notes, *more)
    build = functools.partial(Examples.from_pandas, frame, **roles, date_format=date_format)
    table, _ = with_side_tables(build, sides, {"items": items, "users": users})
    negative = int((table.labels < 0).sum())
    if negative:
        notes = (*notes, f"'{roles['label']}' is negative in {negative:,} rows")
    return table if not notes else dataclasses.replace(table, report=table.report.with_notes(notes))


@contextlib.contextmanager
def _errors_of(path: str | Path) -> Iterator[None]:
    """Convert errors of the operating system to `InputError`."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"Cannot read {path}: {why}. Check the path and its permissions.") from None


def _file(path: Path) -> Path | None:
    if path.is_file():
        return path
    inside = sorted(entry for entry in path.iterdir() if entry.is_file()) if path.is_dir() else []
    tables = [entry for entry in inside if entry.suffix in TABLE_SUFFIXES]
    if len(tables) == 1:
        return tables[0]
    return path if path.is_dir() and not tables and table_format(path, TextFormat()) else None


def _open(file: Path, form: TextFormat | None) -> Table:
    """Open the table, with named columns if it is Criteo's format."""
    form = form or TextFormat()
    table = open_table(file, form)
    if table.is_typed:
        return table
    if form.header and table.separator == "\t" and len(table.names) == len(_CRITEO) and table.names[0] in ("0", "1"):
        return _Criteo(file, dataclasses.replace(form, header=False, names=tuple(_CRITEO)))
    check_names(table.names, str(file))  # pandas would rename the second
    return table


def _known(frame: pd.DataFrame, given: dict[str, str | None]) -> dict[str, list[str]]:
    """The candidate columns for each role that is not named; the first of each is taken."""
    free = [str(name) for name in frame.columns if name not in given.values()]
    known = {role: [] if name else candidates(role, free) for role, name in given.items()}
    known["user"] = [name for name in known["user"] if is_person(name)]
    if not given["user"] and not known["user"]:
        known["item"] = [name for name in known["item"] if plain_name(name) in _PLAIN_ITEMS]
    known["time"] = [name for name in known["time"] if plain_name(name) in _PLAIN_TIMES or _holds_times(frame[name])]
    if not known["time"] and not given["time"]:
        known["time"] = [name for name in free if is_compact_hours(name, frame[name])]
    return known


def _holds_times(column: pd.Series) -> bool:
    values = column.head(SAMPLE)
    return is_time(
        str(column.name), _numbers(values) if values.map(lambda cell: isinstance(cell, str)).any() else values
    )


class _Criteo(TextTable):
    """Criteo's display advertising data, as published."""

    is_typed = True

    def read(self, **options: Any) -> tuple[pd.DataFrame, tuple[str, ...]]:
        frame, notes = super().read(**options)
        numbers = {name: pd.to_numeric(frame[name], errors="coerce") for name in _CRITEO if name[0] == "I"}
        return frame.assign(**numbers), notes


def _numbers(column: pd.Series) -> pd.Series:
    """A text column as numbers, if all its values are numbers."""
    known = column.dropna()
    numbers = pd.to_numeric(known, errors="coerce")
    if not len(known) or numbers.isna().any() or known.str.match(r"\s*[+-]?0\d").any():
        return column
    # Programs write numbers as 1e-05, 1e+20 or 1.0E7; a hash such as 12e4 has neither sign nor point.
    has_exponent = known.str.contains("[eE]")
    if has_exponent.any() and not known.str.contains("[-+.]").any():
        return column
    return pd.to_numeric(column)
