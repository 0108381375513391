"""Text files, with errors that a person can act on."""

import csv
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from tfrec.errors import InputError

_PEEK = 1 << 16
_PACKED = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "compressed with gzip", b"BZh": "compressed with bzip2"}


def peek(path: Path) -> bytes:
    """The first 64 KiB of a text file, without a byte order mark.

    Raises:
        InputError: where the file is empty, packed, or not text.
    """
    with path.open("rb") as file:
        start = file.read(_PEEK)
    if not start.strip():
        raise InputError(f"{path} is empty: expected a table or sequences of interactions.")
    packed = next((what for magic, what in _PACKED.items() if start.startswith(magic)), None)
    if packed:
        raise InputError(f"{path} is {packed}: unpack it and give what was in it.")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is UTF-16 text: save it as UTF-8.")
    if b"\x00" in start:
        raise InputError(f"{path} is not text (it holds NUL bytes): expected csv, tsv, parquet or a sequence file.")
    return start.removeprefix(b"\xef\xbb\xbf")


def first_line(path: Path) -> str:
    """The first line that is not blank; errors as of `peek`."""
    line = peek(path).lstrip(b"\r\n").splitlines()[0]
    return line.decode("utf-8", errors="replace")


def header(path: Path, separator: str) -> list[str]:
    """The column names of a table, as they stand.

    Raises:
        InputError: where the file is not text or has a single column.
    """
    text = peek(path).decode("utf-8", errors="replace")
    try:
        names = next(row for row in csv.reader(text.splitlines(keepends=True), delimiter=separator) if row)
    except csv.Error as error:
        raise InputError(f"The header of {path} cannot be read: {error}.") from None
    if len(names) < 2:
        others = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
        seen = [word for mark, word in others.items() if mark in names[0] and mark != separator]
        hint = f" It seems to be separated by {seen[0]}." if seen else ""
        raise InputError(
            f"{path} has a single column, '{names[0][:80]}', when read with {others.get(separator, separator)} between "
            f"columns.{hint} Expected a header and at least two columns: commas in .csv, tabs in .tsv."
        )
    return names


def separated(path: Path, separator: str, **options: Any) -> pd.DataFrame:
    """`pandas.read_csv` that reads strictly and explains itself.

    Args:
        path: the file.
        separator: one character.
        **options: of `pandas.read_csv`; the encoding is UTF-8 with or without a byte order mark if not given.

    Raises:
        InputError: where the text cannot be decoded, or its lines do not fit its header.
    """
    settings = {"encoding": "utf-8-sig", "index_col": False, "low_memory": False, "compression": None, **options}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(path, sep=separator, **settings)
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(path, error)) from None
    except pd.errors.EmptyDataError:
        raise InputError(f"{path} is empty: expected a header and rows.") from None
    except pd.errors.ParserWarning:
        raise InputError(
            f"{path} has rows with more fields than its header: quote fields that hold separators."
        ) from None
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        why = str(error).removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")
        raise InputError(f"{path} is malformed: {why}. Every row must have the fields of the header.") from None


def decode(path: Path, raw: bytes) -> str:
    """Bytes of a whole file as text; raises `InputError` where they are not UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(path, error)) from None


def _not_utf8(path: Path, error: UnicodeDecodeError) -> str:
    return f"{path} is not UTF-8 text (byte 0x{error.object[error.start]:02x} cannot be decoded): save it as UTF-8."
