"""Clean side tables of items or users."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tfrec.data.tables.frames import as_frame
from tfrec.data.tables.ids import encode_ids, float_ids_note
from tfrec.errors import InputError


class SideTableError(InputError):
    """A side table is unusable.

    Attributes:
        what: "items" or "users".
        why: what is wrong with the table, as the predicate of a sentence.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"The side table of {what} {why}")
        self.what, self.why = what, why


def clean_side_table(
    table: Any, id_column: str, what: str, ids: np.ndarray
) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """A side table indexed by raw id, with the first row of each id.

    Args:
        table: a table with ids in a column named `id_column`, else in a named index, else in the first column; or None.
        id_column: name of the column of ids in the rows.
        what: "items" or "users".
        ids: the distinct raw ids of the rows.

    Returns:
        the table, and notes for the report: rows left out, and how many ids of the rows the table lacks.

    Raises:
        SideTableError: if its columns are unusable, or it has none of the ids.
        InputError: if it is not a table.
    """
    if table is None:
        return None, ()
    table = as_frame(table, f"The side table of {what}").rename(columns=str)
    if not len(table.columns) and table.index.name is None:
        raise SideTableError(what, "has no columns: expected a column of ids and further columns.")
    if id_column not in table.columns and table.index.name is not None:
        table = table.reset_index().rename(columns=str)
    repeated = table.columns[table.columns.duplicated()].tolist()
    if repeated:
        raise SideTableError(what, f"has several columns named {repeated[0]}: rename or drop one.")
    column = id_column if id_column in table.columns else table.columns[0]
    try:
        codes, known = encode_ids(table[column])
    except InputError as error:
        raise SideTableError(what, f"has no ids: {error}") from None
    _, first = np.unique(codes[codes >= 0], return_index=True)
    rows = np.flatnonzero(codes >= 0)[first]
    result = table.iloc[rows].drop(columns=[column])
    result.index = pd.Index(known[codes[rows]], name=column, dtype=object)
    notes = [*float_ids_note(table[column], f"the side table of {what}")]
    lost = len(table) - len(rows)
    if lost:
        notes.append(f"side table of {what}: {lost:,} rows without a usable id or repeating one")
    shared = int(np.isin(ids, known).sum())
    if len(ids) and not shared:
        example = f", for instance '{known[0]}'," if len(known) else ""
        raise SideTableError(
            what,
            f"has none of the {what}: its ids{example} are read from its column '{column}', but the rows have ids "
            f"such as '{ids[0]}'. Give its id column the same name as in the rows, or put it first.",
        )
    if shared < len(ids):
        others = f"; {len(known) - shared:,} of its {what} are not in the rows" if len(known) > shared else ""
        notes.append(f"side table of {what}: it lacks {len(ids) - shared:,} of the {len(ids):,} {what}{others}")
    return result, tuple(notes)
