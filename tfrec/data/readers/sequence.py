"""Sequence files: `user item`, or `user item item ...`, in time order."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.contents import read_text
from tfrec.data.readers.movielens import double_colons
from tfrec.data.readers.source import Source
from tfrec.data.readers.text_table import TextFormat
from tfrec.errors import InputError

_NAMES = ["user", "item"]


def read_sequences(path: Path, columns: Columns, form: TextFormat) -> Source:
    """A file of sequences. An id is what stands between blanks.

    Raises:
        InputError: where a line has a single id, or lines look like the rows of a table.
    """
    return Source(_rows(path, form.encoding), columns.find(_NAMES, path))


def read_sequence_folder(folder: Path, columns: Columns, form: TextFormat) -> Source:
    """`sequences.txt`, with what lies beside it: MovieLens ids and titles, or titles and attributes."""
    path = folder / "sequences.txt"
    frame = _rows(path, form.encoding)
    items = users = None
    movies, titles, people = folder / "movies.dat", folder / "titles.json", folder / "users.dat"
    to_movie, to_user = folder / "item_to_movie.txt", folder / "user_to_movielens.txt"
    if to_movie.is_file():
        frame["item"] = _renamed(frame["item"], to_movie)
        items = double_colons(movies, ["item", "title", "genres"]) if movies.is_file() else None
    elif titles.is_file():
        items = _titles(titles, folder / "item2attributes.json")
    if to_user.is_file():
        frame["user"] = _renamed(frame["user"], to_user)
        if people.is_file():
            users = double_colons(people, ["user", "gender", "age", "occupation", "zip_code"])
    return Source(frame, columns.find(_NAMES, path), items, users)


def _rows(path: Path, encoding: str | None) -> pd.DataFrame:
    tokens, line_of = _tokens(path, encoding)
    first = np.flatnonzero(np.diff(line_of, prepend=-1))
    counts = np.diff(first, append=len(tokens))
    if (counts == 1).any():
        line = int(line_of[first[counts == 1][0]]) + 1
        raise InputError(
            f"Line {line} of {path} holds a single id, '{tokens[first[counts == 1][0]]}': expected 'user item' or "
            "'user item item ...', with blanks between ids."
        )
    lasting = counts - 1
    users = np.repeat(tokens[first], lasting)
    if counts[0] > 2 and (counts == counts[0]).all() and len(set(tokens[first])) < len(counts):
        raise InputError(
            f"Every line of {path} has {counts[0]} fields and users have several lines, so it looks like a table and "
            "not like sequences. Give it a header, commas or tabs, and the suffix .csv or .tsv."
        )
    is_item = np.ones(len(tokens), bool)
    is_item[first] = False
    return pd.DataFrame({"user": users, "item": tokens[is_item]})


def _tokens(path: Path, encoding: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """All ids of a file, (T,) object array of str, and the line that each is on, (T,) int."""
    text = read_text(path, encoding).replace("\r\n", "\n").replace("\r", "\n")
    raw = np.frombuffer(text.encode("utf-8"), np.uint8)
    blank = (raw == ord(" ")) | (raw == ord("\t")) | (raw == ord("\n"))
    starts = np.flatnonzero(~blank & np.concatenate([[True], blank[:-1]]))
    lines = np.searchsorted(np.flatnonzero(raw == ord("\n")), starts)
    words = text.replace("\n", " ").replace("\t", " ").split(" ")
    return np.array([word for word in words if word], dtype=object), lines


def _renamed(ids: pd.Series, path: Path) -> np.ndarray:
    tokens, lines = _tokens(path)
    if len(tokens) % 2 or (lines[::2] != lines[1::2]).any() or len(np.unique(lines)) * 2 != len(lines):
        raise InputError(f"{path} is malformed: expected two ids on every line, ours and the publisher's.")
    names = dict(zip(tokens[::2], tokens[1::2], strict=True))
    codes, distinct = pd.factorize(ids)
    unknown = [token for token in distinct if token not in names]
    if unknown:
        raise InputError(f"{path} does not name {len(unknown):,} ids of sequences.txt, for instance '{unknown[0]}'.")
    return np.array([names[token] for token in distinct], dtype=object)[codes]


def _titles(path: Path, of_items: Path) -> pd.DataFrame:
    titles = _by_item(path, "titles")
    frame = pd.DataFrame({"item": list(titles), "title": [_text(one) for one in titles.values()]}, dtype=object)
    if not of_items.is_file():
        return frame
    lists = {item: _values(one) for item, one in _by_item(of_items, "lists of attributes").items()}
    return frame.assign(attributes=["|".join(lists.get(item, ())) for item in frame["item"]])


def _by_item(path: Path, what: str) -> dict[str, object]:
    expected = f"expected an object of item ids and {what}."
    try:
        found = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON ({error}): {expected}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__}: {expected}")
    return found


def _values(one: object) -> list[str]:
    return [text for text in map(_text, one if isinstance(one, list) else [one]) if text]


def _text(one: object) -> str:
    return "" if one is None else str(one)
