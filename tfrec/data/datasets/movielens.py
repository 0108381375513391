"""Download MovieLens from its publisher's site and verify it."""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import struct
import sys
import tempfile
import urllib.parse
import zipfile
import zlib
from pathlib import Path

import pooch
import requests

from tfrec.errors import InputError

BASE_URL = "https://files.grouplens.org/datasets/movielens/"

_NEEDED = {
    "ml-100k": ("u.data", "u.item", "u.user"),
    "ml-1m": ("ratings.dat", "movies.dat", "users.dat"),
    "ml-latest-small": ("ratings.csv", "movies.csv"),
}
# Size in bytes and MD5 of the archives that never change.
_FIXED = {
    "ml-100k": (4_924_029, "0e33842e24a9c977be4e0107933c0723"),
    "ml-1m": (5_917_549, "c4d9eecfca2ab87c1945afe126590906"),
}
_TIMEOUT = 30  # seconds without a byte
_BLOCK = 1 << 16
_MOST = 100_000_000  # bytes of an archive whose size is not known

# Exceptions of the standard library for a broken connection or archive.
_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,  # an encrypted file, or an unknown compression
    ValueError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


def download(name: str, folder: str | Path, base_url: str = BASE_URL) -> Path:
    """Download a MovieLens dataset and unpack it to `folder/name`, for `tfrec.data.read`.

    Size and MD5 are checked: for ml-100k and ml-1m against values stored here, for ml-latest-small, which the publisher
    updates from time to time, against the published `.md5` file (if it is missing, only the checksums inside the
    archive are checked, with a warning on stderr). Writes are atomic. A complete folder is used without network access.
    GroupLens allows research, but no commercial use and no redistribution without permission: see the README in the
    folder.

    Args:
        name: ml-100k, ml-1m or ml-latest-small.
        folder: target folder; created if it does not exist.
        base_url: URL of the folder with `<name>.zip`.

    Returns:
        `folder/name`.

    Raises:
        InputError: if the name is unknown, the download fails or does not match its checksum, or `folder/name` exists
            but is incomplete.

    Example:
        >>> download("ml-1m", "data")  # doctest: +SKIP
        PosixPath('data/ml-1m')
        >>> download("ml-3m", "data")
        Traceback (most recent call last):
        tfrec.errors.InputError: Unknown MovieLens dataset 'ml-3m': expected one of ...
    """
    if name not in _NEEDED:
        raise InputError(f"Unknown MovieLens dataset '{name}': expected one of {', '.join(_NEEDED)}.")
    folder = Path(folder)
    target = folder / name
    by_hand = f"Or download {name}.zip yourself, unpack it, and pass the folder with --data."
    if target.exists():
        missing = _missing(target, name)
        if missing:
            raise InputError(f"{target} exists but lacks {', '.join(missing)}. Remove it and try again. {by_hand}")
        return target
    url = urllib.parse.urljoin(base_url.rstrip("/") + "/", f"{name}.zip")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as scratch:
            archive = Path(scratch) / f"{name}.zip"
            known = _FIXED.get(name)
            size, digest = known or (None, _published_digest(f"{url}.md5", Path(scratch)))
            _fetch(url, archive, _Bar(archive.name, size), digest)
            _unpack(archive, Path(scratch) / "files")
            made = Path(scratch) / "files" / name
            missing = _missing(made, name)
            if missing:
                raise InputError(f"{url} lacks {', '.join(missing)}.")
            # A concurrent download may have finished first.
            if _missing(target, name):
                made.rename(target)
    except InputError as error:
        raise InputError(f"{error} {by_hand}") from None
    except _BROKEN as error:
        raise InputError(f"{url} could not be downloaded to {folder}: {_reason(error)}. {by_hand}") from None
    return target


def _reason(error: Exception) -> str:
    """What happened, without the objects that requests and urllib3 print with it."""
    if isinstance(error, requests.ConnectionError) and error.args:
        return str(getattr(error.args[0], "reason", error.args[0])).rsplit(": ", 1)[-1].rstrip(")'\"")
    return str(error)


def _missing(folder: Path, name: str) -> list[str]:
    return [f"{name}/{file}" for file in _NEEDED[name] if not (folder / file).is_file()]


def _published_digest(url: str, scratch: Path) -> str | None:
    path = scratch / "md5"
    try:
        _fetch(url, path, _Bar("", most=_BLOCK))
    except requests.HTTPError as error:
        if error.response.status_code != 404:
            raise
        print(f"{url} does not exist: only the checksums inside the archive are verified.", file=sys.stderr)
        return None
    text = path.read_text(encoding="ascii", errors="replace")
    found = re.search(r"\b[0-9a-f]{32}\b", text.lower())
    if found is None:
        raise InputError(f"{url} is not an MD5 file: it begins with {text[:60]!r}.")
    return found.group()


def _fetch(url: str, path: Path, bar: _Bar, digest: str | None = None) -> None:
    """Download a file with pooch, which renames it to `path` when it is complete and its MD5 is right."""
    pooch.get_logger().setLevel("WARNING")
    # So sizes are those of the file, not of a compressed response.
    get = pooch.HTTPDownloader(bar, _BLOCK, timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"})
    try:
        pooch.retrieve(url, digest and f"md5:{digest}", path.name, path.parent, downloader=get)
    except (InputError, requests.RequestException) as error:
        if isinstance(error, requests.exceptions.ChunkedEncodingError) and bar.total:
            raise InputError(
                f"The download of {url} is incomplete: expected {bar.total:,} bytes, but the connection ended."
            ) from None
        raise
    except ValueError as error:
        raise InputError(f"{url} does not match the publisher's MD5: expected {digest}, got another.") from error


class _Bar:
    """The progress bar of pooch: shows the progress on stderr, and stops the download of a file of a wrong size.

    Args:
        name: displayed name; "" shows nothing.
        size: size of the file in bytes, if it is known.
        most: maximum size in bytes if `size` is unknown.
    """

    def __init__(self, name: str, size: int | None = None, most: int = _MOST) -> None:
        self._name, self._size, self._most = name, size, size or most
        self._total = self._done = 0
        self._shown = -1

    @property
    def total(self) -> int:
        """Bytes that the server announces; 0 if it announces none."""
        return self._total

    @total.setter
    def total(self, announced: int) -> None:
        self._total = announced
        if announced > self._most or (self._size and announced and announced != self._size):
            raise InputError(f"{self._name} has a wrong size: expected {self._expected()}, got {announced:,}.")

    def _expected(self) -> str:
        return f"{self._size:,} bytes" if self._size else f"at most {self._most:,} bytes"

    def update(self, count: int) -> None:
        """Called for each block; for the last one pooch also passes the size of a full block."""
        if self._done > self._most:
            raise InputError(f"{self._name} has a wrong size: expected {self._expected()}, got more.")
        self._done += count
        done = min(self._done, self._total) if self._total else self._done
        percent = 100 * done // self._total if self._total else 0
        if self._name and percent != self._shown:
            self._shown = percent
            share = f" of {self._total:,} bytes ({percent}%)" if self._total else " bytes"
            print(f"\r{self._name}: {done:,}{share}", end="", file=sys.stderr, flush=True)

    def reset(self) -> None:
        """Called after the last block."""
        self._done = 0

    def close(self) -> None:
        """Called when the file is complete."""
        if self._name:
            print(file=sys.stderr)


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack regular files only, and none outside the folder."""
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            place = (folder / entry.filename).resolve()
            outside = not place.is_relative_to(folder.resolve()) or "\\" in entry.filename
            if outside or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(
                    f"{archive.name} was not unpacked: '{entry.filename}' is not a regular file inside the folder."
                )
            if entry.is_dir():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, place.open("wb") as file:
                shutil.copyfileobj(source, file)
