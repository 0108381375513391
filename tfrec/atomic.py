"""Atomic writes: write next to the target, then rename."""

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

# Part of the names of temporary files, before the process id: hosts may share a volume.
HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def write_text(path: Path, text: str) -> None:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_left(path.parent, re.escape(path.name))
    temporary_path = _temporary_path(path)
    try:
        temporary_path.write_text(text, encoding="utf-8", newline="\n")
        temporary_path.replace(path)
    finally:
        temporary_path.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise `InputError` if a file or folder cannot be created at `path`."""
    probe = _temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Name another path.") from error


@contextmanager
def new_folder(path: Path, replace: bool = True) -> Iterator[Path]:
    """A new folder to fill. If the block ends without an error, it appears at `path` and replaces what was there.

    If `replace` is False and `path` exists, `FileExistsError` is raised and `path` stays.

    A killed process leaves `path` unchanged, and a hidden folder `.NAME.tmp-…` next to it, which the next write to
    `path` removes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_left(path.parent, re.escape(path.name))
    temporary_path = _temporary_path(path)
    temporary_path.mkdir()
    try:
        yield temporary_path
        _sync(temporary_path)
        if replace and path.exists():
            _exchange(temporary_path, path)
        elif path.exists():
            raise FileExistsError(path)
        else:
            temporary_path.rename(path)  # fails if another process has created a folder with files there
    finally:
        shutil.rmtree(temporary_path, ignore_errors=True)


def clear_left(folder: Path, names: str) -> None:
    """Remove temporary files and folders of killed processes of this host.

    Args:
        folder: the parent folder.
        names: a regular expression for the names of the targets.
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


def _temporary_path(path: Path) -> Path:
    return path.parent / f".{path.name}.tmp-{HOST}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _exchange(first: Path, second: Path) -> None:
    """Exchange two folders: in one system call on Linux, otherwise in several renames."""
    if sys.platform == "linux":
        renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
        if renameat2 is not None and not renameat2(
            _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
        ):
            return
    aside = _temporary_path(second)
    second.rename(aside)
    first.rename(second)
    aside.rename(first)
