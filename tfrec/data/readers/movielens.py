"""MovieLens as its publisher packs it. Columns have the names of the csv layout in all three."""

import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.frame import read_frame
from tfrec.data.readers.source import Source
from tfrec.data.readers.table import read_table
from tfrec.data.readers.text_table import TextFormat, first_line
from tfrec.errors import InputError

_RATINGS = ["userId", "movieId", "rating", "timestamp"]
_USERS = ["userId", "gender", "age", "occupation", "zip_code"]
_IDS = ["userId", "movieId"]
_FIRST_GENRE = 5  # of the columns of u.item
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
    "If it is another table, give the path of the file itself; if it has no header, name columns by their position: "
    "header=False, user='1', item='2' (--no-header --user 1 --item 2)."
)


def is_1m(line: str) -> bool:
    """Whether a line is one of `ratings.dat`: user::movie::rating::timestamp."""
    return _is_rating(line.split("::"))


def is_100k(line: str) -> bool:
    """Whether a line is one of `u.data`: user, movie, rating and timestamp, with tabs between."""
    return _is_rating(line.strip().split("\t"))


def _is_rating(fields: list[str]) -> bool:
    return len(fields) == 4 and all(re.fullmatch(r"\s*\d+(\.\d*)?\s*", field) for field in fields[2:])


def read_latest(folder: Path, columns: Columns, form: TextFormat) -> Source:
    """`ratings.csv` and, where it is there, `movies.csv`."""
    source = read_table(folder / "ratings.csv", columns, form)
    movies = folder / "movies.csv"
    items = None
    if movies.is_file():
        items, _ = read_frame(movies, TextFormat(encoding=form.encoding), texts=None, missing=())
    return Source(source.frame, source.columns, items, notes=source.notes)


def read_1m(folder: Path, columns: Columns, form: TextFormat) -> Source:
    """`ratings.dat`, and where they are there `movies.dat` and `users.dat`, with `::` between columns."""
    ratings = folder / "ratings.dat"
    line = first_line(ratings, form.encoding)
    if not is_1m(line):
        raise InputError(f"{ratings} begins with '{line[:80]}': expected user::movie::rating::timestamp. {_ELSE}")
    movies, users = folder / "movies.dat", folder / "users.dat"
    return Source(
        _headerless(ratings, "::", _RATINGS, form.encoding, ids=_IDS, texts=(), missing=None),
        columns.find(_RATINGS, ratings),
        double_colons(movies, ["movieId", "title", "genres"], form.encoding) if movies.is_file() else None,
        double_colons(users, _USERS, form.encoding) if users.is_file() else None,
    )


def read_100k(folder: Path, columns: Columns, form: TextFormat) -> Source:
    """`u.data`, and where they are there `u.item`, `u.genre` and `u.user`."""
    ratings = folder / "u.data"
    line = first_line(ratings, form.encoding)
    if not is_100k(line):
        raise InputError(
            f"{ratings} begins with '{line[:80]}': expected user, movie, rating and timestamp with tabs between. "
            f"{_ELSE}"
        )
    frame = _headerless(ratings, "\t", _RATINGS, form.encoding, ids=_IDS, texts=(), missing=None)
    users = folder / "u.user"
    people = None
    if users.is_file():
        people = _headerless(users, "|", ["userId", "age", "gender", "occupation", "zip_code"], form.encoding)
    return Source(frame, columns.find(_RATINGS, ratings), _items_100k(folder, form.encoding), people)


def double_colons(path: Path, names: list[str], encoding: str | None = None) -> pd.DataFrame:
    """A table with `::` between its columns, in UTF-8 or Latin-1 if no encoding is named, as strings.

    Raises:
        InputError: if a line has another number of fields.
    """
    frame = _headerless(path, "::", names, encoding)
    short = frame.isna().any(axis=1)
    if short.any():
        there = frame[short].iloc[0].dropna()
        raise InputError(f"{path} has the line '{'::'.join(there)[:80]}': expected {'::'.join(names)}.")
    return frame


def _headerless(
    path: Path, separator: str, names: list[str], encoding: str | None, **options: Collection[str] | None
) -> pd.DataFrame:
    form = TextFormat(separator, encoding or "latin-1", header=False, names=tuple(names), quoted=False)
    return read_frame(path, form, **{"texts": None, "missing": (), **options})[0]


def _items_100k(folder: Path, encoding: str | None) -> pd.DataFrame | None:
    path = folder / "u.item"
    if not path.is_file():
        return None
    listed = folder / "u.genre"
    genres = _GENRES
    if listed.is_file():
        lines = listed.read_text(encoding="latin-1").splitlines()
        genres = [line.split("|")[0] for line in lines if "|" in line]
    table = _headerless(path, "|", ["movieId", "title", "release_date", "video_date", "url", *genres], encoding)
    flags = (table.iloc[:, _FIRST_GENRE:] == "1").to_numpy()
    joined = ["|".join(genre for genre, flag in zip(genres, row, strict=True) if flag) for row in flags]
    return table[["movieId", "title", "release_date"]].assign(genres=joined)
