"""Open files: decompress them, detect their encoding, and reject files that cannot be tables."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from tfrec.errors import InputError

_PEEK = 1 << 16
_ZIP, _ZSTANDARD = b"PK\x03\x04", b"\x28\xb5\x2f\xfd"
_EMPTY_ZIP = b"PK\x05\x06"
# First bytes of a compressed file -> the name of the format, and the function that opens it.
_COMPRESSED = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\x00": ("xz", lzma.open),
    _ZSTANDARD: ("zstandard", lambda path: pa.input_stream(str(path), compression="zstd")),
    _ZIP: ("zip", lambda path: _only_member(path)),
    _EMPTY_ZIP: ("zip", lambda path: _only_member(path)),
}
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile, pa.ArrowInvalid)
# First bytes of files that are not text -> what they are, and what to do.
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls). Save its sheet as csv and use that file",
    b"SQLite format 3": "an SQLite database. Export the table as csv or parquet and use that file",
    b"ARROW1": "an Arrow (feather) file. Convert it to parquet and use that file",
    b"ORC": "an ORC file. Convert it to parquet and use that file",
    b"\x89HDF": "an HDF5 file. Export its table as csv or parquet and use that file",
    b"\x93NUMPY": "a NumPy array. Save it as a csv with a header and use that file",
    b"%PDF": "a PDF document. Expected a csv, tsv, parquet or JSON lines file",
    b"7z\xbc\xaf": "a 7z archive. Unpack it and use the file in it",
    b"Rar!": "a RAR archive. Unpack it and use the file in it",
    b"version https://git-lfs": "a Git LFS pointer, not the data. Run `git lfs pull` first",
    b"%%MatrixMarket": "a Matrix Market file. Convert it to a csv with a header and one row per interaction",
}
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
EXPECTED = "expected a csv, tsv, parquet, JSON lines or sequence file"


_PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")


def inner_suffix(path: Path) -> str:
    """The suffix in lower case; for a compressed file that of the file inside: ".csv" for plays.csv.gz."""
    name = path.with_suffix("") if path.suffix.lower() in _PACKED_SUFFIXES else path
    return name.suffix.lower()


def is_compressed(path: Path) -> bool:
    """Whether a file begins like a compressed file that `open_bytes` can decompress."""
    with path.open("rb") as file:
        return file.read(8).startswith(tuple(_COMPRESSED))


@contextlib.contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; decompresses gzip, bzip2, xz, zstandard, and zip with one member.

    Raises:
        InputError: if the compressed data is damaged (possibly raised while reading), or a zip archive does not hold
            exactly one file.
        OSError: if the file cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(8)
    name, opener = next(
        (found for magic, found in _COMPRESSED.items() if start.startswith(magic)), ("", lambda path: path.open("rb"))
    )
    try:
        with opener(path) as file:
            yield file
    except _DAMAGED as error:
        why = str(error).rstrip(".") or type(error).__name__
        raise InputError(f"{path} is a damaged {name} file ({why}). Download or create it again.") from None
    except OSError as error:
        if not name or error.errno is not None:
            raise
        raise InputError(f"{path} is a damaged {name} file ({error}). Download or create it again.") from None


def peek(path: Path, encoding: str | None = None) -> bytes:
    """The first 64 KiB of a file, decompressed.

    Args:
        path: the file.
        encoding: the encoding that the user gave; without one, UTF-16 is rejected.

    Raises:
        InputError: if the file is empty, or is neither text nor parquet.
    """
    with open_bytes(path) as file:
        start = file.read(_PEEK)
    if not start.strip():
        raise InputError(f"{path} is empty: expected a table or sequences of interactions.")
    if start.startswith(b"PAR1"):
        return start
    other = next((what for magic, what in _OTHERS.items() if start.startswith(magic)), None)
    if start[257:262] == b"ustar":
        other = "a tar archive. Unpack it and use the file in it"
    head = start.removeprefix(codecs.BOM_UTF8).lstrip()[:256].lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        other = "an HTML page, maybe the error or login page of a download. Download the data again"
    elif head.startswith(b"<?xml"):
        other = "an XML file. Convert it to csv or JSON lines"
    if other:
        raise InputError(f"{path} is {other}.")
    if encoding is None:
        wide = next((name for mark, name in _WIDE.items() if start.startswith(mark)), None)
        if wide is None and start.count(b"\x00") > len(start) // 4:
            wide = "utf-16-le" if start[1:2] == b"\x00" and start[:1] != b"\x00" else None
        if wide:
            raise InputError(f"{path} is UTF-16 text: set encoding='{wide}' (--encoding {wide}), or save it as UTF-8.")
        if b"\x00" in start:
            raise InputError(f"{path} is not text (it holds NUL bytes): {EXPECTED}.")
    return start


def decoders(encoding: str | None) -> list[str]:
    """The encodings to try in turn on a text file.

    UTF-8 is tried before the given encoding if the two can be distinguished, because text that is valid UTF-8 is almost
    never anything else. So `--encoding latin-1` can read a Latin-1 table with a side table in UTF-8.

    Raises:
        InputError: if Python has no text encoding of this name.
    """
    if encoding is None:
        return ["utf-8-sig"]
    try:
        "a".encode(encoding)
    except (LookupError, UnicodeError, ValueError):
        raise InputError(f"'{encoding}' is not a text encoding: use one such as utf-8, latin-1 or utf-16.") from None
    ascii_bytes = bytes(range(128))
    try:
        is_wider_ascii = ascii_bytes.decode(encoding) == ascii_bytes.decode("ascii")
    except UnicodeError:
        is_wider_ascii = False
    return ["utf-8-sig", encoding] if is_wider_ascii else [encoding]


def peek_text(path: Path, encoding: str | None = None) -> tuple[str, bool]:
    """The beginning of a text file, without byte order mark, and whether it is the whole file; errors as in `peek`."""
    start = peek(path, encoding)
    for name in decoders(encoding):
        try:
            text = codecs.getincrementaldecoder(name)().decode(start)
            break
        except UnicodeError:
            text = start.decode(name, errors="replace")
    return text.removeprefix("\ufeff"), len(start) < _PEEK


def read_text(path: Path, encoding: str | None = None) -> str:
    """A whole file as text; raises `InputError` if it cannot be decoded."""
    peek(path, encoding)
    with open_bytes(path) as file:
        raw = file.read()
    error = None
    for name in decoders(encoding):
        try:
            return raw.decode(name).removeprefix("\ufeff")
        except UnicodeError as found:
            error = found
    raise undecodable(path, encoding, error)


def undecodable(path: Path, encoding: str | None, error: UnicodeError) -> InputError:
    """The error for a text file whose bytes do not fit its encoding."""
    where = ""
    if isinstance(error, UnicodeDecodeError):
        where = f" (byte 0x{error.object[error.start]:02x} cannot be decoded)"
    if encoding is None:
        return InputError(
            f"{path} is not UTF-8 text{where}: set its encoding, for instance encoding='latin-1' "
            "(--encoding latin-1), or save it as UTF-8."
        )
    return InputError(f"{path} is not {encoding} text{where}: set its encoding (--encoding), or save it as UTF-8.")


@contextlib.contextmanager
def _only_member(path: Path) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "[Content_Types].xml" in names or "mimetype" in names:
            raise InputError(
                f"{path} is an Excel workbook or another office document. Save its sheet as csv and use that file."
            )
        files = [
            info
            for info in archive.infolist()
            if not info.is_dir() and not info.filename.startswith("__MACOSX/") and not info.filename.startswith(".")
        ]
        if len(files) != 1:
            held = ", ".join(info.filename for info in files[:8]) + (", ..." if len(files) > 8 else "") or "nothing"
            raise InputError(
                f"{path} is a zip archive with {len(files)} files ({held}): expected one. Unpack it and use the file "
                "or folder in it."
            )
        if files[0].flag_bits & 1:
            raise InputError(f"{path} is an encrypted zip archive: unpack it and use the file in it.")
        try:
            with archive.open(files[0]) as file:
                yield file
        except NotImplementedError:
            raise InputError(
                f"{path} is a zip archive with a compression that Python does not support: unpack it and use the file "
                "in it."
            ) from None
