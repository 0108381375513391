"""Which character stands between the columns of a text table, told by its first lines."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from tfrec.data.readers.contents import inner_suffix
from tfrec.errors import InputError

# Separators that are recognised, in order of preference, and what they are called.
NAMES = {"\t": "tabs", "::": "double colons", ",": "commas", ";": "semicolons", "|": "bars"}
_BY_SUFFIX = {".csv": ",", ".tsv": "\t"}
_SAMPLE = 200  # rows that are looked at
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
    """The fields of the first rows of a table; quotes are understood unless the separator has several characters.

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

    That of the suffix (.csv, .tsv) is taken if it fits, else the one that gives every row the same number of fields.
    Blanks separate columns only where nothing else can.

    Args:
        lines: the first lines of the file.
        path: the file, for its suffix and for errors.

    Raises:
        InputError: if no separator gives two columns, or several fit equally well.
    """
    filled = [line.strip() for line in lines if line.strip()]
    ruled = next((line for line in filled[:2] if len(line) > 2 and not line.strip(" |+-:=")), None)
    if ruled is not None:
        raise InputError(f"{path} holds the line '{ruled[:60]}', so it is a table drawn for reading: write it as csv.")
    if re.fullmatch(r"sep=.{1,2}", filled[0]):
        raise InputError(f"{path} begins with '{filled[0]}', which programs of tables write for each other: remove it.")
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
            # A header and rows in which all marks fit: the usual one, since text holds the others.
            return usual
        if "\t" in candidates:
            return "\t"
        most = [mark for mark, count in candidates.items() if count == max(candidates.values())]
        if len(most) == 1:
            return most[0]
        if most:
            seen = " or by ".join(NAMES[mark] for mark in most)
            raise InputError(
                f"{path} can be read as separated by {seen}: say which with separator='{most[0]}' or "
                f"separator='{most[1]}' (--sep)."
            )
    raise AssertionError("one of the two is not empty")


def _single_column(lines: list[str], path: Path, has_blanks: bool) -> InputError:
    """What a table of a single column may be, and what to do."""
    first = lines[0][:80]
    if first.startswith(("#", "%", "//", "@")):
        return InputError(f"{path} begins with a comment, '{first}': remove the lines of comments.")
    if first.endswith(":") and any("," in line for line in lines):
        return InputError(
            f"{path} has the line '{first}' above rows of its own, as in the Netflix Prize: write a row for each "
            "rating, movie,user,rating,date."
        )
    if all(":" in word for line in lines[:20] for word in line.split()[1:]) and len(lines[0].split()) > 1:
        return InputError(
            f"{path} is in the libSVM or libFM format ('{first}'), which does not say who and what its indices are. "
            "Write it as a csv with a header and a column each for users, items and ratings."
        )
    text = (
        f"{path} has a single column, '{first}': expected at least two, separated by commas, tabs, semicolons, bars or "
        "'::'. "
    )
    if has_blanks:
        return InputError(
            text + r"If blanks separate them, say so with separator='\s+' (--sep '\s+'); files of sequences, "
            "'user item item ...', have the suffix .txt."
        )
    longer = next((line for line in lines if any(mark in line for mark in NAMES)), None)
    if longer is not None:
        return InputError(
            text + f"The line '{longer[:80]}' has more: if the table begins there, remove what is before it."
        )
    return InputError(text + "Name any other separator with separator= (--sep).")


def known_separator(given: str) -> str:
    r"""The separator that a user names: itself, or what `\t`, tab and space stand for.

    Raises:
        InputError: if it is empty, a quote or a line break.
    """
    mark = _ESCAPES.get(given.lower(), given)
    if not mark or any(bad in mark for bad in '"\r\n\x00'):
        raise InputError(f"{given!r} cannot separate columns: give one or more characters, such as ',' or '::'.")
    return mark
