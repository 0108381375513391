"""MovieLens as its publisher packs it. Columns have the names of the csv layout in all three."""

from pathlib import Path

import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.source import Source
from tfrec.data.readers.table import read_text_table
from tfrec.data.readers.text import first_line, separated
from tfrec.errors import InputError

_RATINGS = ["userId", "movieId", "rating", "timestamp"]
_USERS = ["userId", "gender", "age", "occupation", "zip_code"]
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


def read_latest(folder: Path, columns: Columns) -> Source:
    """`ratings.csv` and, where it is there, `movies.csv`."""
    source = read_text_table(folder / "ratings.csv", columns, ",")
    movies = folder / "movies.csv"
    items = separated(movies, ",", dtype=str, keep_default_na=False) if movies.is_file() else None
    return Source(source.frame, source.columns, items, notes=source.notes)


def read_1m(folder: Path, columns: Columns) -> Source:
    """`ratings.dat`, and where they are there `movies.dat` and `users.dat`, with `::` between columns."""
    ratings = folder / "ratings.dat"
    line = first_line(ratings)
    if line.count("::") != 3:
        raise InputError(f"{ratings} begins with '{line[:80]}': expected user::movie::rating::timestamp.")
    # With a single colon as separator every second column is empty.
    frame = separated(ratings, ":", header=None, usecols=[0, 2, 4, 6])
    frame.columns = _RATINGS
    movies, users = folder / "movies.dat", folder / "users.dat"
    return Source(
        frame,
        columns.find(_RATINGS, ratings),
        double_colons(movies, ["movieId", "title", "genres"]) if movies.is_file() else None,
        double_colons(users, _USERS) if users.is_file() else None,
    )


def read_100k(folder: Path, columns: Columns) -> Source:
    """`u.data`, and where they are there `u.item`, `u.genre` and `u.user`."""
    ratings = folder / "u.data"
    line = first_line(ratings)
    if line.count("\t") != 3:
        raise InputError(f"{ratings} begins with '{line[:80]}': expected user, movie, rating, timestamp and tabs.")
    frame = separated(ratings, "\t", header=None, names=_RATINGS)
    users = folder / "u.user"
    people = None
    if users.is_file():
        names = ["userId", "age", "gender", "occupation", "zip_code"]
        people = separated(users, "|", header=None, names=names, dtype=str, encoding="latin-1", keep_default_na=False)
    return Source(frame, columns.find(_RATINGS, ratings), _items_100k(folder), people)


def double_colons(path: Path, names: list[str]) -> pd.DataFrame:
    """A small table with `::` between its columns, in UTF-8 or Latin-1, as strings.

    Raises:
        InputError: where a line has another number of fields.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    rows = [line.split("::") for line in text.split("\n") if line.strip()]
    bad = next((row for row in rows if len(row) != len(names)), None)
    if bad is not None:
        raise InputError(f"{path} has the line '{'::'.join(bad)[:80]}': expected {'::'.join(names)}.")
    return pd.DataFrame([[field.removesuffix("\r") for field in row] for row in rows], columns=names)


def _items_100k(folder: Path) -> pd.DataFrame | None:
    path = folder / "u.item"
    if not path.is_file():
        return None
    listed = folder / "u.genre"
    genres = _GENRES
    if listed.is_file():
        lines = listed.read_text(encoding="latin-1").splitlines()
        genres = [line.split("|")[0] for line in lines if "|" in line]
    table = separated(path, "|", header=None, dtype=str, encoding="latin-1", keep_default_na=False, quoting=3)
    if len(table.columns) != _FIRST_GENRE + len(genres):
        raise InputError(
            f"{path} has {len(table.columns)} columns: expected {_FIRST_GENRE} and {len(genres)} genre flags."
        )
    flags = (table.iloc[:, _FIRST_GENRE:] == "1").to_numpy()
    joined = ["|".join(genre for genre, flag in zip(genres, row, strict=True) if flag) for row in flags]
    return pd.DataFrame({"movieId": table[0], "title": table[1], "release_date": table[2], "genres": joined})
