"""Read side tables of items or users, and find those in the folder of the data."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.contents import inner_suffix
from tfrec.data.readers.frame import Table, open_table
from tfrec.data.readers.known_names import candidates, is_data, plain_name
from tfrec.data.readers.optional import optional
from tfrec.data.readers.text_table import TextFormat
from tfrec.data.readers.titles import notes_on_titles
from tfrec.data.spec.item_titles import title_column
from tfrec.data.tables.ids import encode_ids
from tfrec.data.tables.side_tables import SideTableError
from tfrec.errors import InputError

_FEW, _MOST = 0.5, 0.9  # shares of the ids of the data
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")

T = TypeVar("T")


def read_side_table(
    path: Path,
    id_column: str | None,
    what: str = "items",
    form: TextFormat | None = None,
    known: np.ndarray | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read a side table of items or users, in any format that `read_frame` supports.

    Args:
        path: the file, or a folder of parquet parts.
        id_column: name of the column of ids. If the table has no such column, one with a well-known name is taken, else
            the first one. If another column has far more of the ids of the data, that one is taken.
        what: "items" or "users".
        form: the format of a text table, as far as it is not detected.
        known: raw ids of the data.

    Returns:
        the table with its ids in the first column, and notes for the report.

    Raises:
        InputError: if the file cannot be read, or has no header.
    """
    if not path.exists():
        raise InputError(f"{path} is not a file: expected a side table of {what} (csv, tsv, JSON lines or parquet).")
    table = open_table(path, form)
    if not table.is_typed and is_data(table.names, [] if id_column is None else [id_column]):
        listed = ", ".join(f"'{name[:30]}'" for name in table.names[:6])
        raise InputError(
            f"The first line of {path} looks like a row and not like a header: it begins with {listed}. Put a line "
            "with the names of the columns before it."
        )
    ids, notes = _id_column(table, id_column, what, known)
    texts = {name for name in table.names if "title" in name.lower()} | ({title_column(table.names)} - {None})
    frame, more = table.read(ids=[ids], texts=[name for name in texts if name != ids], missing=[""])
    if ids != id_column and id_column in frame.columns:
        # The ids are looked for in a column of this name first.
        frame = frame.rename(columns={id_column: f"{id_column} of {path.name}"})
    frame = frame[[ids, *(name for name in frame.columns if name != ids)]]
    return frame, (*notes, *more, *(notes_on_titles(frame, path.name) if what == "items" else ()))


def _id_column(table: Table, wanted: str | None, what: str, known: np.ndarray | None) -> tuple[str, tuple[str, ...]]:
    """The column of ids, and a note if it is not the expected one."""
    expected = (_named_alike(table.names, wanted) or [*candidates(what[:-1], table.names), *table.names])[0]
    if known is None or not len(known) or _share(table, expected, known) >= _FEW:
        return expected, ()
    shares = {name: _share(table, name, known) for name in table.names if name != expected}
    best = max(shares, key=shares.__getitem__, default=expected)
    if shares.get(best, 0.0) < _MOST:
        return expected, ()
    return best, (
        f"the ids of {table.path.name} are read from '{best}', which has {shares[best]:.0%} of the ids of the data; "
        f"'{expected}' has few of them",
    )


def _named_alike(names: list[str], wanted: str | None) -> list[str]:
    """The columns with a given name, or with another spelling of it."""
    if wanted is None:
        return []
    return [name for name in names if name == wanted] or [
        name for name in names if plain_name(name) == plain_name(wanted)
    ]


def _share(table: Table, column: str, known: np.ndarray) -> float:
    """The share of the data's ids that a column of distinct values has, from 0 to 1; 0 if its values repeat."""
    frame, _ = table.read(columns=[column], ids=[column], missing=[""])
    values = frame[column].dropna()
    if len(values) and isinstance(values.iloc[0], list | dict | np.ndarray):
        return 0.0
    _, distinct = encode_ids(values)
    if len(distinct) < 0.99 * len(values):
        return 0.0
    return len(set(distinct) & set(known)) / len(known)


def find_side_tables(
    path: Path, columns: Columns, frame: pd.DataFrame, form: TextFormat
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Find side tables of items and users in the folder of the interactions; also returns notes for the report.

    A side table has a column of ids with the same or a well-known name, without repeated ids, and with at least half of
    the ids of the data.
    """
    found: dict[str, pd.DataFrame] = {}
    notes: list[str] = []
    others = [one for one in sorted(path.parent.iterdir()) if one != path and inner_suffix(one) in _TABLES]
    for what, column in (("items", columns.item), ("users", columns.user)):
        _, known = encode_ids(frame[column])
        fitting = []
        for one in others:
            fits, why = optional(one, lambda path: _fits(path, column, what, known, form))  # noqa: B023
            notes += [note for note in why if note not in notes]
            fitting += [one] if fits else []
        titled = [one for one in fitting if what == "items" and title_column(open_table(one, form).names)]
        chosen = titled if len(titled) == 1 else fitting
        if len(chosen) == 1:
            found[what], more = read_side_table(chosen[0], column, what, form, known)
            notes += [f"the side table of {what} is read from {chosen[0].name}", *more]
        elif chosen:
            listed = ", ".join(one.name for one in chosen)
            notes.append(
                f"several files may be the side table of {what}: choose one of {listed} with {what}= (--{what})"
            )
    return found, tuple(notes)


def _fits(path: Path, column: str, what: str, known: np.ndarray, form: TextFormat) -> bool:
    table = open_table(path, form)
    names = _named_alike(table.names, column)
    if what == "items" and not names:
        names = candidates("item", table.names)[:1]
    if what == "items" and title_column(table.names):
        names = [*names, *_named_alike(table.names, "id")]
    return any(_share(table, name, known) >= _FEW for name in names)


def with_side_tables(
    build: Callable[..., T], sides: Mapping[str, pd.DataFrame | None], given: Mapping[str, str | Path | None]
) -> tuple[T, tuple[str, ...]]:
    """Build a table with its side tables; an unusable side table is ignored unless the user named it.

    Args:
        build: `Interactions.from_pandas` or `Examples.from_pandas`, with all arguments except the side tables.
        sides: "items" and "users" -> the side table.
        given: paths of the side tables that the user named.

    Returns:
        the result of `build`, and notes for the report.

    Raises:
        InputError: if a side table that the user named cannot be used.
    """
    notes: tuple[str, ...] = ()
    while True:
        try:
            return build(**sides), notes
        except SideTableError as error:
            if given.get(error.what) is not None:
                raise InputError(f"{given[error.what]} {error.why}") from None
            sides = {**sides, error.what: None}
            notes = (*notes, f"the side table of {error.what} is ignored: it {error.why}")
