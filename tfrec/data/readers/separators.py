"""Detect the separator of a text table from its first lines."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from tfrec.data.readers.contents import inner_suffix
from tfrec.errors import InputError

# Separators that are detected, in order of preference, with their names.
NAMES = {"\t": "tabs", "::": "double colons", ",": "commas", ";": "semicolons", "|": "bars"}
_BY_SUFFIX = {".csv": ",", ".tsv": "\t"}
_SAMPLE = 200  # rows to inspect
_ESCAPES = {"\\t": "\t", "tab": "\t", "\\s+": r"\s+", "space": " ", "comma": ","}
BLANKS = r"\s+"
# The text files of the Million Song Dataset, which have no header: number of columns -> their names.
SEP = "<SEP>"
SEP_COLUMNS = {
    2: ("artist_id", "tag"),
    3: ("track_id", "song_id", "title"),
    4: ("track_id", "song_id", "artist_name", "title"),
}


def split_row(lines: list[str], separator: str, rows: int = 1) -> list[list[str]]:
    """The fields of the first rows of a table; quotes are parsed unless the separator has several characters.

    Raises:
        csv.Error: if the rows cannot be read.
    """
    filled = [line for line in lines if line.strip()]
    if separator == BLANKS:
        return [line.split() for line in filled[:rows]]
    if len(separator) > 1:
        return [line.split(separator) for line in filled[:rows]]
    reader = csv.reader((line + "\n" for line in filled), delimiter=separator)
    return [row for row, _ in zip(reader, range(rows), strict=False)]


def find_separator(lines: list[str], path: Path) -> str:
    """The separator of a table.

    The separator of the suffix (.csv, .tsv) is used if it fits, else the one that gives all rows the same number of
    fields. Blanks are used only if no other separator fits.

    Args:
        lines: the first lines of the file.
        path: the file, for its suffix and for errors.

    Raises:
        InputError: if no separator gives two columns, or several fit equally well.
    """
    filled = [line.strip() for line in lines if line.strip()]
    ruled = next((line for line in filled[:2] if len(line) > 2 and not line.strip(" |+-:=")), None)
    if ruled is not None:
        raise InputError(f"{path} holds the line '{ruled[:60]}', so it is a table drawn as text: save it as csv.")
    if re.fullmatch(r"sep=.{1,2}", filled[0]):
        raise InputError(
            f"{path} begins with '{filled[0]}', a line that only spreadsheet programs understand: remove it."
        )
    if all(SEP in line for line in filled):
        return SEP
    fields, fitting = {}, {}
    for mark in NAMES:
        try:
            rows = split_row(lines, mark, _SAMPLE)
        except csv.Error:
            continue
        if len(rows[0]) > 1:
            fields[mark] = len(rows[0])
            if all(len(row) == len(rows[0]) for row in rows):
                fitting[mark] = len(rows[0])
    usual = _BY_SUFFIX.get(inner_suffix(path))
    words = {len(line.split()) for line in filled}
    has_blanks = len(words) == 1 and words != {1}
    if not fields and usual is None and has_blanks:
        return BLANKS
    if not fields:
        raise _single_column(filled, path, has_blanks)
    for candidates in (fitting, fields):
        if usual in candidates:
            # All candidates fit header and rows: use the common one, because the others also occur in texts.
            return usual
        if "\t" in candidates:
            return "\t"
        most = [mark for mark, count in candidates.items() if count == max(candidates.values())]
        if len(most) == 1:
            return most[0]
        if most:
            seen = " or by ".join(NAMES[mark] for mark in most)
            raise InputError(
                f"The columns of {path} may be separated by {seen}: set separator='{most[0]}' or "
                f"separator='{most[1]}' (--sep)."
            )
    raise AssertionError("one of the two is not empty")


def _single_column(lines: list[str], path: Path, has_blanks: bool) -> InputError:
    """The error for a table with a single column: what it may be, and what to do."""
    first = lines[0][:80]
    if first.startswith(("#", "%", "//", "@")):
        return InputError(f"{path} begins with a comment, '{first}': remove the comment lines.")
    if first.endswith(":") and any("," in line for line in lines):
        return InputError(
            f"{path} has the line '{first}' above a block of rows, as in the Netflix Prize data: convert it to one row "
            "per rating, movie,user,rating,date."
        )
    if all(":" in word for line in lines[:20] for word in line.split()[1:]) and len(lines[0].split()) > 1:
        return InputError(
            f"{path} is in the libSVM or libFM format ('{first}'), which does not say which indices are users and "
            "items. Convert it to a csv with a header and columns for users, items and ratings."
        )
    text = (
        f"{path} has a single column, '{first}': expected at least two, separated by commas, tabs, semicolons, bars or "
        "'::'. "
    )
    if has_blanks:
        return InputError(
            text + r"If the columns are separated by blanks, set separator='\s+' (--sep '\s+'); sequence files, "
            "'user item item ...', need the suffix .txt."
        )
    longer = next((line for line in lines if any(mark in line for mark in NAMES)), None)
    if longer is not None:
        return InputError(
            text + f"The line '{longer[:80]}' has more: if the table begins there, remove the lines before it."
        )
    return InputError(text + "Set any other separator with separator= (--sep).")


def known_separator(given: str) -> str:
    r"""The separator that a user gives: the text itself, or the character meant by `\t`, tab or space.

    Raises:
        InputError: if it is empty, a quote or a line break.
    """
    mark = _ESCAPES.get(given.lower(), given)
    if not mark or any(bad in mark for bad in '"\r\n\x00'):
        raise InputError(f"{given!r} cannot be a separator: use one or more characters, such as ',' or '::'.")
    return mark
