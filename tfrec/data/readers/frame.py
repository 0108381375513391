"""Any table from a path: the one place where the formats of tables are told apart.

Interactions, labelled rows, side tables and the files of the command line are all read from here. A further format is a
class with `names` and `read`, and an entry in `_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

import pandas as pd

from tfrec.data.readers.contents import EXPECTED, peek
from tfrec.data.readers.json_lines import JsonLines, is_json
from tfrec.data.readers.parquet import SUFFIXES, ParquetTable, parquet_parts
from tfrec.data.readers.text_table import TextFormat, TextTable, first_line
from tfrec.errors import InputError


class Table(Protocol):
    """A table on disk, of which the columns are known.

    Attributes:
        path: where it is.
        kind: the name of its format.
        names: its columns.
        is_typed: whether values have types; if not, they are texts that look like something.
    """

    path: Path
    kind: str
    names: list[str]
    is_typed: bool

    def read(
        self,
        columns: Collection[str] | None = None,
        ids: Collection[str] = (),
        texts: Collection[str] | None = (),
        missing: Collection[str] | None = None,
    ) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """The rows, and notes for the report; arguments as of `read_frame`."""
        ...

    def sample(self, rows: int = 1000) -> pd.DataFrame:
        """The first rows."""
        ...


def _is_parquet(path: Path, form: TextFormat) -> bool:
    if path.is_dir():
        return bool(parquet_parts(path))
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return bool(suffixes & set(SUFFIXES)) or peek(path, form.encoding).startswith(b"PAR1")


# How a format is recognised, and what opens it; the first that fits is taken.
_FORMATS: list[tuple[Callable[[Path, TextFormat], bool], Callable[[Path, TextFormat], Table]]] = [
    (_is_parquet, lambda path, form: ParquetTable(path)),
    (lambda path, form: is_json(first_line(path, form.encoding)), lambda path, form: JsonLines(path, form.encoding)),
    (lambda path, form: True, TextTable),
]


def open_table(path: Path, form: TextFormat | None = None) -> Table:
    """Recognise a table by its content, and find its columns.

    Args:
        path: a file, which may be compressed, or a folder of parquet parts.
        form: how a text table is written, as far as its content does not tell.

    Raises:
        InputError: if there is nothing at the path, or nothing that can be a table.
        OSError: if the system does not let it be read.
    """
    form = form or TextFormat()
    if not path.exists():
        raise InputError(f"There is nothing at {path}: {EXPECTED}.")
    if path.is_dir() and not parquet_parts(path):
        raise InputError(f"{path} is a folder without parquet files: give the path of the file itself.")
    if not path.is_dir() and not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder.")
    return next(opened for fits, opened in _FORMATS if fits(path, form))(path, form)


def read_frame(
    path: str | Path,
    form: TextFormat | None = None,
    columns: Collection[str] | None = None,
    ids: Collection[str] = (),
    texts: Collection[str] | None = (),
    missing: Collection[str] | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read any table from a path: csv, tsv and their like, JSON lines, parquet; compressed, or in parts.

    Args:
        path: a file, which may be compressed (gzip, bzip2, xz, zstandard, zip with one member), or a folder of parquet
            parts, whose partitions (`country=de/`) are columns too.
        form: how a text table is written, as far as its content does not tell: separator, encoding, header.
        columns: which columns to read; None reads all.
        ids: columns of raw ids. In a text file they stay texts, "007" and all.
        texts: further columns of a text file that stay texts; None takes all. Others are numbers if they look so.
        missing: spellings of a missing value in a text file; None takes those of pandas.

    Returns:
        the rows, and what the reader of a report should know, a sentence each.

    Raises:
        InputError: if the path is missing, its content is malformed, or no known format.
        OSError: if the system does not let it be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "films.csv"
        ...     _ = path.write_text("film;stars\\n007;4.5\\n")
        ...     frame, notes = read_frame(path, ids=["film"])
        >>> frame.to_dict("records"), notes
        ([{'film': '007', 'stars': 4.5}], ())
    """
    return open_table(Path(path), form).read(columns, ids, texts, missing)
