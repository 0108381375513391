"""MovieLens from its publisher's site, verified."""

import hashlib
import http.client
import lzma
import re
import shutil
import stat
import struct
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from pathlib import Path

from tfrec.errors import InputError

BASE_URL = "https://files.grouplens.org/datasets/movielens/"

_NEEDED = {
    "ml-100k": ("u.data", "u.item", "u.user"),
    "ml-1m": ("ratings.dat", "movies.dat", "users.dat"),
    "ml-latest-small": ("ratings.csv", "movies.csv"),
}
# Size in bytes and MD5 of the archives that do not change.
_FIXED = {
    "ml-100k": (4_924_029, "0e33842e24a9c977be4e0107933c0723"),
    "ml-1m": (5_917_549, "c4d9eecfca2ab87c1945afe126590906"),
}
_TIMEOUT = 30  # seconds without a byte
_BLOCK = 1 << 16

# What a connection or an archive that is broken raises, in one place or another of the standard library.
_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,  # an encrypted file, or a compression that is not known
    ValueError,
    OverflowError,
    struct.error,
    http.client.HTTPException,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


def download(name: str, folder: str | Path, base_url: str = BASE_URL) -> Path:
    """Fetch a MovieLens data set and unpack it to `folder/name`, which `tfrec.data.read` reads.

    Size and MD5 are checked: of ml-100k and ml-1m against the values known here, of ml-latest-small, which the
    publisher renews from time to time, against the `.md5` file that lies beside the archive (where there is none, the
    checksums inside the archive must do, and stderr says so). Everything is written beside its place and renamed when
    complete; a complete folder is used as it is, without network. GroupLens allows
    research and forbids commercial use and redistribution without permission: see the README in the folder.

    Args:
        name: ml-100k, ml-1m or ml-latest-small.
        folder: where to put it; made if it is not there.
        base_url: where `<name>.zip` lies.

    Returns:
        `folder/name`.

    Raises:
        InputError: where the name is unknown, the download fails or is not what it should be, or `folder/name` is there
            and incomplete.

    Example:
        >>> download("ml-1m", "data")  # doctest: +SKIP
        PosixPath('data/ml-1m')
        >>> download("ml-3m", "data")
        Traceback (most recent call last):
        tfrec.errors.InputError: There is no MovieLens data set 'ml-3m' here: expected one of ...
    """
    if name not in _NEEDED:
        raise InputError(f"There is no MovieLens data set '{name}' here: expected one of {', '.join(_NEEDED)}.")
    folder = Path(folder)
    target = folder / name
    by_hand = f"Or download {name}.zip by hand, unpack it, and give the folder with --data."
    if target.exists():
        missing = _missing(target, name)
        if missing:
            raise InputError(f"{target} is there, but lacks {', '.join(missing)}. Remove it and try again. {by_hand}")
        return target
    url = urllib.parse.urljoin(base_url.rstrip("/") + "/", f"{name}.zip")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as scratch:
            archive = Path(scratch) / f"{name}.zip"
            size, digest = _FIXED[name] if name in _FIXED else (None, _published_digest(f"{url}.md5"))
            _fetch(url, archive, size, digest)
            _unpack(archive, Path(scratch) / "files")
            made = Path(scratch) / "files" / name
            missing = _missing(made, name)
            if missing:
                raise InputError(f"{url} lacks {', '.join(missing)}.")
            # A download that ran beside this one may have been quicker.
            if _missing(target, name):
                made.rename(target)
    except InputError as error:
        raise InputError(f"{error} {by_hand}") from None
    except _BROKEN as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(f"{url} could not be fetched to {folder}: {reason}. {by_hand}") from None
    return target


def _missing(folder: Path, name: str) -> list[str]:
    return [f"{name}/{file}" for file in _NEEDED[name] if not (folder / file).is_file()]


def _published_digest(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            text = answer.read(4096).decode("ascii", errors="replace")
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        print(f"There is no {url}: only the checksums inside the archive are verified.", file=sys.stderr)
        return None
    found = re.search(r"\b[0-9a-f]{32}\b", text.lower())
    if found is None:
        raise InputError(f"{url} holds no MD5: it begins with {text[:60]!r}.")
    return found.group()


def _fetch(url: str, path: Path, size: int | None, digest: str | None) -> None:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, path.open("wb") as file:
        announced = answer.headers.get("Content-Length") or ""
        total = size or (int(announced) if announced.isdigit() else None)
        md5, done, told = hashlib.md5(usedforsecurity=False), 0, -1
        while block := answer.read(_BLOCK):
            file.write(block)
            md5.update(block)
            done += len(block)
            if size is not None and done > size:
                break
            percent = 100 * done // total if total else 0
            if percent != told:
                told = percent
                share = f" of {total:,} bytes ({percent}%)" if total else " bytes"
                print(f"\r{path.name}: {done:,}{share}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    if total is not None and done != total:
        came = "more" if done > total else f"{done:,}"
        raise InputError(f"{url} is not whole: expected {total:,} bytes, got {came}.")
    if digest is not None and md5.hexdigest() != digest:
        raise InputError(f"{url} is not what the publisher's MD5 says: expected {digest}, got {md5.hexdigest()}.")


def _unpack(archive: Path, folder: Path) -> None:
    """Only regular files, and none outside of the folder."""
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            place = (folder / entry.filename).resolve()
            outside = not place.is_relative_to(folder.resolve()) or "\\" in entry.filename
            if outside or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(
                    f"{archive.name} holds '{entry.filename}', which is no file inside of it: not unpacked."
                )
            if entry.is_dir():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, place.open("wb") as file:
                shutil.copyfileobj(source, file)
