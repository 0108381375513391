"""The numbered version folders of a model on a server."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from pathlib import Path

from tfrec import atomic

_MOST = 2**63 - 1  # the server reads 64-bit integers
_NUMBER = re.compile(r"[0-9]+")  # ASCII only: \d also matches １, which no server reads


def versions(folder: Path) -> list[int]:
    """The version numbers in a folder, in ascending order."""
    return sorted(_numbered(folder))


def keep_newest(folder: Path, keep: int) -> list[int]:
    """Delete all but the newest versions; each is hidden from the server in one step before its files are deleted.

    Returns:
        the deleted versions, without those that another process deleted at the same time.
    """
    numbered, removed = _numbered(folder), []
    for version in sorted(numbered)[:-keep]:
        for path in numbered[version]:
            hidden = folder / f".{path.name}.old-{atomic.HOST}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
            try:
                path.rename(hidden)
            except FileNotFoundError:  # another process was faster
                continue
            shutil.rmtree(hidden, ignore_errors=True) if hidden.is_dir() else hidden.unlink(missing_ok=True)
            removed.append(version)
    return removed


def clear_left(folder: Path) -> None:
    """Delete the hidden folders that killed exports of this host have left behind; no server has seen them."""
    atomic.clear_left(folder, r"[0-9]+")


def _numbered(folder: Path) -> dict[int, list[Path]]:
    """Version number -> its paths: 10 and 0010 are the same number."""
    found: dict[int, list[Path]] = {}
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for path in paths:
        if _NUMBER.fullmatch(path.name) and int(path.name) < _MOST:
            found.setdefault(int(path.name), []).append(path)
    return found
