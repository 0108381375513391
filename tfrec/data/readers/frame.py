"""`read_frame`: read a table of any supported format. The formats are registered here.

Interactions, labelled rows, side tables and the files of the command line are all read by this module. To add a format,
write a class like `Table`, and add an entry to `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple, Protocol

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


class TableFormat(NamedTuple):
    """A format of tables.

    Attributes:
        suffixes: of its files, by which the parts of a split and the one table of a folder are found.
        fits: whether a file, or a folder, is of this format.
        open: the table at a path.
    """

    suffixes: tuple[str, ...]
    fits: Callable[[Path, TextFormat], bool]
    open: Callable[[Path, TextFormat], Table]


def _is_parquet(path: Path, form: TextFormat) -> bool:
    if path.is_dir():
        return bool(parquet_parts(path))
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return bool(suffixes & set(SUFFIXES)) or peek(path, form.encoding).startswith(b"PAR1")


def _is_json_lines(path: Path, form: TextFormat) -> bool:
    return path.is_file() and is_json(first_line(path, form.encoding))


# Text is the fallback.
_TEXT = TableFormat((".csv", ".tsv", ".txt"), lambda path, form: path.is_file(), TextTable)
# The first match is used. No other module distinguishes table formats.
FORMATS = (
    TableFormat(SUFFIXES, _is_parquet, lambda path, form: ParquetTable(path)),
    TableFormat((".jsonl",), _is_json_lines, lambda path, form: JsonLines(path, form.encoding)),
)
TABLE_SUFFIXES = tuple(suffix for one in (_TEXT, *FORMATS) for suffix in one.suffixes)


def table_format(path: Path, form: TextFormat) -> TableFormat | None:
    """The format of a file or folder; None for text, and for folders that are no table."""
    return next((one for one in FORMATS if one.fits(path, form)), None)


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
    if not path.is_dir() and not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder.")
    found = table_format(path, form)
    if path.is_dir() and found is None:
        raise InputError(f"{path} is a folder without parquet files: pass the path of the file itself.")
    return (found or _TEXT).open(path, form)


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
