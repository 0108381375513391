"""Read sequence files: `user item`, or `user item item ...`, in time order."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.contents import read_text
from tfrec.data.readers.movielens_layouts import double_colons
from tfrec.data.readers.optional import optional
from tfrec.data.readers.separators import BLANKS
from tfrec.data.readers.sequence_signs import check_sequences, is_header
from tfrec.data.readers.source import Source
from tfrec.data.readers.table import read_table
from tfrec.data.readers.text_table import TextFormat, first_lines
from tfrec.errors import InputError

_NAMES = ["user", "item"]


def read_sequences(path: Path, columns: Columns, form: TextFormat) -> Source:
    """Read a file of words separated by blanks: sequences, or a table if its first line names columns.

    Raises:
        InputError: if a line has a single id, or lines look like the rows of a table without a header.
    """
    rows = [line.split() for line in first_lines(path, form.encoding) if line.strip()]
    if is_header(rows[0], rows[1:], columns.needed):
        if all(len(row) == len(rows[0]) for row in rows):
            return read_table(path, columns, dataclasses.replace(form, separator=BLANKS))
        raise _header_over_sequences(path, rows[0])
    if columns.needed and not set(columns.needed) <= set(_NAMES):
        named = ", ".join(f"'{name}'" for name in columns.needed)
        raise InputError(
            f"{path} is a sequence file, 'user item item ...', which has no column {named}: its first line is "
            f"'{' '.join(rows[0])[:60]}'. Omit the column names, or if it is a table without a header, name columns by "
            "position: header=False, user='1', item='2' (--no-header --user 1 --item 2)."
        )
    frame, notes = _rows(path, form.encoding)
    return Source(frame, columns.find(_NAMES, path), notes=notes)


def read_sequence_folder(folder: Path, columns: Columns, form: TextFormat) -> Source:
    """Read `sequences.txt`, with the other files of its folder: MovieLens ids and titles, or titles and attributes."""
    path = folder / "sequences.txt"
    rows = [line.split() for line in first_lines(path, form.encoding) if line.strip()]
    if is_header(rows[0], rows[1:], ()):
        raise _header_over_sequences(path, rows[0])
    frame, notes = _rows(path, form.encoding)
    items, users = None, None
    renamed, of_map = optional(folder / "item_to_movie.txt", lambda file: _renamed(frame["item"], file))
    if renamed is not None:
        frame["item"] = renamed
        items, of_items = optional(folder / "movies.dat", lambda file: double_colons(file, ["item", "title", "genres"]))
    elif of_map:
        of_items = ()  # titles by the publisher's ids do not fit these ids
    else:
        items, of_items = optional(folder / "titles.json", _titles)
        items, of_items = (items, of_items) if items is None else _with_attributes(items, folder)
    renamed, of_people = optional(folder / "user_to_movielens.txt", lambda file: _renamed(frame["user"], file))
    if renamed is not None:
        frame["user"] = renamed
        people = ["user", "gender", "age", "occupation", "zip_code"]
        users, of_people = optional(folder / "users.dat", lambda file: double_colons(file, people))
    notes = (*notes, *of_map, *of_items, *of_people)
    return Source(frame, columns.find(_NAMES, path), items, users, notes)


def _rows(path: Path, encoding: str | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One row per interaction, and notes."""
    text = _text(path, encoding)
    tokens, line_of = _tokens(text)
    lines = [line for line in text.split("\n") if line.strip()]
    first = np.flatnonzero(np.diff(line_of, prepend=-1))
    counts = np.diff(first, append=len(tokens))
    check_sequences(path, lines, tokens, counts)
    if (counts == 1).any():
        line = int(line_of[first[counts == 1][0]]) + 1
        raise InputError(
            f"Line {line} of {path} holds a single id, '{tokens[first[counts == 1][0]]}': expected 'user item' or "
            "'user item item ...', separated by blanks."
        )
    users = np.repeat(tokens[first], counts - 1)
    is_item = np.ones(len(tokens), bool)
    is_item[first] = False
    notes = ()
    if counts[0] > 2 and (counts == counts[0]).all():
        notes = (f"every line has {counts[0]} fields, read as a user and {counts[0] - 1} items in time order",)
    elif "\t" in text.strip() and (counts == 2).all():
        notes = ("the file has no header: its two columns are read as user and item, in time order",)
    return pd.DataFrame({"user": users, "item": tokens[is_item]}), notes


def _header_over_sequences(path: Path, first: list[str]) -> InputError:
    return InputError(
        f"The first line of {path} looks like a header, '{' '.join(first)[:60]}', and the lines below it look like "
        "sequences of ids. Remove the header."
    )


def _text(path: Path, encoding: str | None = None) -> str:
    return read_text(path, encoding).replace("\r\n", "\n").replace("\r", "\n")


def _tokens(text: str) -> tuple[np.ndarray, np.ndarray]:
    """All ids of a file, (T,) object array of str, and the line of each, (T,) int."""
    raw = np.frombuffer(text.encode("utf-8"), np.uint8)
    blank = (raw == ord(" ")) | (raw == ord("\t")) | (raw == ord("\n"))
    starts = np.flatnonzero(~blank & np.concatenate([[True], blank[:-1]]))
    lines = np.searchsorted(np.flatnonzero(raw == ord("\n")), starts)
    words = text.replace("\n", " ").replace("\t", " ").split(" ")
    return np.array([word for word in words if word], dtype=object), lines


def _renamed(ids: pd.Series, path: Path) -> np.ndarray:
    tokens, lines = _tokens(_text(path))
    if len(tokens) % 2 or (lines[::2] != lines[1::2]).any() or len(np.unique(lines)) * 2 != len(lines):
        raise InputError(
            f"{path} is malformed: expected two ids on every line, the one in sequences.txt and the publisher's."
        )
    names = dict(zip(tokens[::2], tokens[1::2], strict=True))
    codes, distinct = pd.factorize(ids)
    unknown = [token for token in distinct if token not in names]
    if unknown:
        raise InputError(f"{path} lacks {len(unknown):,} ids of sequences.txt, for instance '{unknown[0]}'.")
    return np.array([names[token] for token in distinct], dtype=object)[codes]


def _titles(path: Path) -> pd.DataFrame:
    titles = _by_item(path, "titles")
    return pd.DataFrame({"item": list(titles), "title": [_word(one) for one in titles.values()]}, dtype=object)


def _with_attributes(items: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    found, notes = optional(folder / "item2attributes.json", lambda path: _by_item(path, "lists of attributes"))
    if found is None:
        return items, notes
    lists = {item: _values(one) for item, one in found.items()}
    return items.assign(attributes=["|".join(lists.get(item, ())) for item in items["item"]]), notes


def _by_item(path: Path, what: str) -> dict[str, object]:
    expected = f"expected an object that maps item ids to {what}."
    try:
        found = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}): {expected}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__}: {expected}")
    return found


def _values(one: object) -> list[str]:
    return [text for text in map(_word, one if isinstance(one, list) else [one]) if text]


def _word(one: object) -> str:
    return "" if one is None else str(one)
