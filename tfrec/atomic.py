"""Writing so that nothing is ever half-written: beside the target, then one rename."""

import ctypes
import hashlib
import os
import platform
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tfrec.errors import InputError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2

# Stands before the process in the names of what is being written: a shared volume has writers on several hosts.
HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_left(path.parent, re.escape(path.name))
    beside = _beside(path)
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise `InputError` where a file or folder cannot be made at `path`."""
    probe = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Name another place.") from error


@contextmanager
def new_folder(path: Path, replace: bool = True) -> Iterator[Path]:
    """A folder to fill; it appears at `path`, in place of what was there, only when the block ends without an error.

    With `replace` False, what is at `path` stays, and `FileExistsError` is raised.

    A process that is killed before that leaves `path` as it was, and a hidden folder `.NAME.tmp-…` beside it, which the
    next one that writes there removes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_left(path.parent, re.escape(path.name))
    beside = _beside(path)
    beside.mkdir()
    try:
        yield beside
        _sync(beside)
        if replace and path.exists():
            _exchange(beside, path)
        elif path.exists():
            raise FileExistsError(path)
        else:
            beside.rename(path)  # fails where another process has made a folder with files there meanwhile
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def clear_left(folder: Path, names: str) -> None:
    """Remove what processes of this host that were killed have left beside the files or folders of some names.

    Args:
        folder: where they stand.
        names: a regular expression of the whole name.
    """
    pattern = re.compile(rf"\.(?:{names})\.(?:tmp|old)-{HOST}-([0-9]+)(?:-[0-9a-f]+)?")
    for path in folder.glob(".*") if folder.is_dir() else ():
        match = pattern.fullmatch(path.name)
        if match and not _runs(int(match[1])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _beside(path: Path) -> Path:
    return path.parent / f".{path.name}.tmp-{HOST}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _exchange(first: Path, second: Path) -> None:
    """Swap two folders: in one step where Linux can, else in two renames."""
    if sys.platform == "linux":
        renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
        if renameat2 is not None and not renameat2(
            _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
        ):
            return
    aside = _beside(second)
    second.rename(aside)
    first.rename(second)
    aside.rename(first)
