"""`read_frame`: read a table of any supported format. The formats are registered here.

Interactions, labelled rows, side tables and the files of the command line are all read by this module. To add a format,
write a class with `names`, `read` and `sample`, and add an entry to `_FORMATS`.
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
    """A table on disk whose column names have been read.

    Attributes:
        path: path of the table.
        kind: name of its format.
        names: its column names.
        is_typed: whether values have types; if not, all are texts.
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
        """The rows, and notes for the report; arguments as in `read_frame`."""
        ...

    def sample(self, rows: int = 1000) -> pd.DataFrame:
        """The first rows."""
        ...


def _is_parquet(path: Path, form: TextFormat) -> bool:
    if path.is_dir():
        return bool(parquet_parts(path))
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return bool(suffixes & set(SUFFIXES)) or peek(path, form.encoding).startswith(b"PAR1")


# How a format is detected, and the class that opens it; the first match is used.
_FORMATS: list[tuple[Callable[[Path, TextFormat], bool], Callable[[Path, TextFormat], Table]]] = [
    (_is_parquet, lambda path, form: ParquetTable(path)),
    (lambda path, form: is_json(first_line(path, form.encoding)), lambda path, form: JsonLines(path, form.encoding)),
    (lambda path, form: True, TextTable),
]


def open_table(path: Path, form: TextFormat | None = None) -> Table:
    """Detect the format of a table by its content, and read its column names.

    Args:
        path: a file, which may be compressed, or a folder of parquet parts.
        form: the format of a text table, as far as it is not detected.

    Raises:
        InputError: if the path does not exist, or is not a table.
        OSError: if the path cannot be read.
    """
    form = form or TextFormat()
    if not path.exists():
        raise InputError(f"{path} does not exist: {EXPECTED}.")
    if path.is_dir() and not parquet_parts(path):
        raise InputError(f"{path} is a folder without parquet files: pass the path of the file itself.")
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
    """Read a table from a path: csv, tsv and similar, JSON lines or parquet; possibly compressed or in parts.

    Args:
        path: a file, which may be compressed (gzip, bzip2, xz, zstandard, zip with one member), or a folder of parquet
            parts, whose partitions (`country=de/`) become columns.
        form: the format of a text table, as far as it is not detected: separator, encoding, header.
        columns: columns to read; None reads all.
        ids: columns of raw ids. In a text file they stay texts, such as "007".
        texts: further columns of a text file that stay texts; None means all. Other columns become numbers if possible.
        missing: spellings of missing values in a text file; None means those of pandas.

    Returns:
        the rows, and notes for the report, one sentence each.

    Raises:
        InputError: if the path does not exist, its format is unknown, or its content is malformed.
        OSError: if the path cannot be read.

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
