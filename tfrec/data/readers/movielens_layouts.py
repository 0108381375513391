"""Read MovieLens as published, in its three layouts. Columns always have the names of the csv layout."""

import dataclasses
import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.contents import read_text
from tfrec.data.readers.frame import read_frame
from tfrec.data.readers.optional import optional
from tfrec.data.readers.side_files import find_side_tables
from tfrec.data.readers.source import Source
from tfrec.data.readers.table import read_table
from tfrec.data.readers.text_table import LINE_BREAK, TextFormat, first_line
from tfrec.errors import InputError

_RATINGS = ["userId", "movieId", "rating", "timestamp"]
_USERS = ["userId", "gender", "age", "occupation", "zip_code"]
_IDS = ["userId", "movieId"]
_FIRST_GENRE = 5  # index of the first genre column of u.item
_GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]


_ELSE = (
    "If it is another table, pass the path of the file itself; if it has no header, name columns by position: "
    "header=False, user='1', item='2' (--no-header --user 1 --item 2)."
)


def is_1m(line: str) -> bool:
    """Whether a line has the format of `ratings.dat`: user::movie::rating::timestamp."""
    return _is_rating(line.split("::"))


def is_100k(line: str) -> bool:
    """Whether a line has the format of `u.data`: user, movie, rating and timestamp, separated by tabs."""
    return _is_rating(line.strip().split("\t"))


def _is_rating(fields: list[str]) -> bool:
    return len(fields) == 4 and all(re.fullmatch(r"\s*\d+(\.\d*)?\s*", field) for field in fields[2:])


def read_latest(folder: Path, columns: Columns, form: TextFormat) -> Source:
    """Read `ratings.csv` and, if it exists, `movies.csv`; else another table in the folder that shares its ids."""
    source = read_table(folder / "ratings.csv", columns, form)
    side_format = TextFormat(encoding=form.encoding)
    if not (folder / "movies.csv").exists():
        sides, notes = find_side_tables(folder / "ratings.csv", source.columns, source.frame, side_format)
        return dataclasses.replace(source, **sides, notes=(*source.notes, *notes))
    read, notes = optional(folder / "movies.csv", lambda path: read_frame(path, side_format, texts=None, missing=()))
    items, of_quotes = read or (None, ())
    return Source(source.frame, source.columns, items, notes=(*source.notes, *notes, *of_quotes))


def read_1m(folder: Path, columns: Columns, form: TextFormat) -> Source:
    """Read `ratings.dat` and, if they exist, `movies.dat` and `users.dat`, with `::` between columns."""
    ratings = folder / "ratings.dat"
    line = first_line(ratings, form.encoding)
    if not is_1m(line):
        raise InputError(f"{ratings} begins with '{line[:80]}': expected user::movie::rating::timestamp. {_ELSE}")
    frame = _headerless(ratings, "::", _RATINGS, form.encoding, ids=_IDS, texts=(), missing=None)
    columns = columns.find(_RATINGS, ratings)
    films = ["movieId", "title", "genres"]
    items, of_items = optional(folder / "movies.dat", lambda path: double_colons(path, films, form.encoding))
    users, of_users = optional(folder / "users.dat", lambda path: double_colons(path, _USERS, form.encoding))
    return Source(frame, columns, items, users, (*of_items, *of_users))


def read_100k(folder: Path, columns: Columns, form: TextFormat) -> Source:
    """Read `u.data` and, if they exist, `u.item`, `u.genre` and `u.user`."""
    ratings = folder / "u.data"
    line = first_line(ratings, form.encoding)
    if not is_100k(line):
        raise InputError(
            f"{ratings} begins with '{line[:80]}': expected user, movie, rating and timestamp, separated by tabs. "
            f"{_ELSE}"
        )
    frame = _headerless(ratings, "\t", _RATINGS, form.encoding, ids=_IDS, texts=(), missing=None)
    columns = columns.find(_RATINGS, ratings)
    people = ["userId", "age", "gender", "occupation", "zip_code"]
    items, of_items = optional(folder / "u.item", lambda path: _items_100k(path, form.encoding))
    users, of_users = optional(folder / "u.user", lambda path: _headerless(path, "|", people, form.encoding))
    return Source(frame, columns, items, users, (*of_items, *of_users))


def double_colons(path: Path, names: list[str], encoding: str | None = None) -> pd.DataFrame:
    """Read a table with `::` between its columns, as strings; in UTF-8 or Latin-1 if no encoding is given.

    Raises:
        InputError: if a line has the wrong number of fields.
    """
    frame = _headerless(path, "::", names, encoding)  # pandas pads lines that are too short
    for line in LINE_BREAK.split(read_text(path, encoding or "latin-1")):
        if line.strip() and line.count("::") != len(names) - 1:
            raise InputError(f"{path} has the line '{line[:80]}': expected {'::'.join(names)}.")
    return frame


def _headerless(
    path: Path, separator: str, names: list[str], encoding: str | None, **options: Collection[str] | None
) -> pd.DataFrame:
    form = TextFormat(separator, encoding or "latin-1", header=False, names=tuple(names), quoted=False)
    return read_frame(path, form, **{"texts": None, "missing": (), **options})[0]


def _items_100k(path: Path, encoding: str | None) -> pd.DataFrame:
    listed = path.with_name("u.genre")
    genres = _GENRES
    if listed.is_file():
        lines = listed.read_text(encoding="latin-1").splitlines()
        genres = [line.split("|")[0] for line in lines if "|" in line]
    table = _headerless(path, "|", ["movieId", "title", "release_date", "video_date", "url", *genres], encoding)
    flags = (table.iloc[:, _FIRST_GENRE:] == "1").to_numpy()
    joined = ["|".join(genre for genre, flag in zip(genres, row, strict=True) if flag) for row in flags]
    return table[["movieId", "title", "release_date"]].assign(genres=joined)
