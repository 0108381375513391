"""Read tables of interactions in any format that `open_table` supports."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.data.readers.columns import Columns, is_matrix, matrix_error
from tfrec.data.readers.exact_times import has_lost_digits
from tfrec.data.readers.frame import Table, open_table
from tfrec.data.readers.known_names import candidates
from tfrec.data.readers.source import Source
from tfrec.data.readers.text_table import TextFormat
from tfrec.data.readers.unnamed_times import notes_on_order
from tfrec.errors import InputError

_SEVERAL_IDS = re.compile(
    r"[A-Za-z]{0,3}\d+(([ ,;]\s*[A-Za-z]{0,3}\d+){2,}|(\|[A-Za-z]{0,3}\d+)+)"
)  # not a code such as 10 42
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
_MISSING = 0.5  # from this share of missing ids on, the user must choose the column


def read_table(path: Path, columns: Columns, form: TextFormat | None = None) -> Source:
    """Read a table of interactions. Ids of text files are strings; other columns become numbers if possible."""
    table = open_table(path, form)
    has_header = not table.is_typed and (form is None or form.header)
    try:
        found = columns.find(table.names, path, has_header)
    except InputError as error:
        events = next((name for name in table.names if _holds_objects(table, name)), None)
        if events is None:
            raise
        raise InputError(
            f"{error} The column '{events}' holds lists of objects, which may be the interactions: expected one row "
            "for each of them (see pandas.DataFrame.explode)."
        ) from None
    if not has_header and not table.is_typed and form is not None and form.names is None:
        _check_matrix(table, path)
    frame, notes = table.read(columns=found.needed if table.is_typed else None, ids=[found.user, found.item])
    if not table.is_typed and found.time is not None and has_lost_digits(frame[found.time]):
        frame[found.time] = table.read(texts=[found.time])[0][found.time]
    _check_missing(columns, found, table, frame, path)
    for name in (found.user, found.item):
        values = frame[name].dropna().head(100)
        if any(isinstance(value, list | dict | np.ndarray) for value in values) or _are_written_lists(values):
            raise InputError(
                f"Column '{name}' of {path} ({table.kind}) holds lists or objects: expected one id per row. Convert it "
                "first (pandas.DataFrame.explode)."
            )
    joined = _joined_ids(frame[found.item].dropna().head(100))
    if joined is not None:
        raise InputError(
            f"Column '{found.item}' of {path} holds several ids in a row, '{joined[:60]}': expected one id per row. "
            "Split it into one row per id (pandas: str.split, then DataFrame.explode)."
        )
    for name in (found.user, found.item, found.time):
        if name is not None and not table.is_typed and not pd.api.types.is_numeric_dtype(frame[name]):
            broken = frame[name].astype(str).str.contains(r"[\r\n]")
            if broken.any():
                raise InputError(
                    f"{path} has a stray quote near row {int(broken.idxmax()) + 1}: a field of '{name}' extends over "
                    f"several lines, from {frame[name][broken.idxmax()][:20]!r}. Double the quote or remove it."
                )
    sample = table.sample() if table.is_typed and found.time is None else frame
    return Source(frame, found, notes=(*notes_on_order(found, table.names, sample, path), *notes))


def _check_missing(given: Columns, found: Columns, table: Table, frame: pd.DataFrame, path: Path) -> None:
    """Raise `InputError` if a column chosen by its name has few ids, and another one could be meant."""
    for role in ("user", "item"):
        chosen = getattr(found, role)
        others = candidates(role, [name for name in table.names if name != chosen])
        if getattr(given, role) is not None or not others:
            continue
        sample = table.sample() if table.is_typed else frame
        if chosen not in sample or sample[chosen].isna().mean() <= _MISSING:
            continue
        fuller = [name for name in others if name in sample and sample[name].isna().mean() <= _MISSING]
        if fuller:
            listed = ", ".join(f"'{name}'" for name in fuller)
            raise InputError(
                f"Most values of '{chosen}' in {path}, which would be read as {role}, are missing, but those of "
                f"{listed} are not. Choose the right column with {role}= (on the command line --{role})."
            )


def _are_written_lists(values: pd.Series) -> bool:
    """Whether texts are lists in Python or JSON notation: [1, 2]."""
    texts = [value.strip() for value in values if isinstance(value, str)]
    return bool(texts) and all(text[:1] == "[" and text[-1:] == "]" for text in texts)


def _joined_ids(values: pd.Series) -> str | None:
    """An example, if most texts are several ids with separators: `N55189 N46039`, `3400638|1253714`; else None."""
    texts = [value.strip() for value in values if isinstance(value, str)]
    joined = [text for text in texts if _SEVERAL_IDS.fullmatch(text) and not _THOUSANDS.fullmatch(text)]
    return joined[0] if len(joined) > 0.5 * len(values) else None


def _check_matrix(table: Table, path: Path) -> None:
    """Raise `InputError` if a table without a header has many columns that are all numbers."""
    if is_matrix(table.first_row):
        raise matrix_error(path, len(table.first_row))


def _holds_objects(table: Table, name: str) -> bool:
    """Whether the cells of a JSON column are lists of objects."""
    if table.kind == "text":
        return False
    rows = table.sample(10)
    return name in rows and any(isinstance(cell, list) and cell and isinstance(cell[0], dict) for cell in rows[name])
