"""The numbered version folders of a model on a server."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from pathlib import Path

from tfrec import atomic

_MOST = 2**63 - 1  # the server reads 64 bits
_NUMBER = re.compile(r"[0-9]+")  # of ASCII: \d would take ² and １, which no server reads


def versions(folder: Path) -> list[int]:
    """The version numbers that are taken in a folder, in order."""
    return sorted(_numbered(folder))


def keep_newest(folder: Path, keep: int) -> list[int]:
    """Remove all but the newest versions; each is hidden from the server in one step before its files go.

    Returns:
        what was removed. What another process removes at the same time is not among them.
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
    """Remove the hidden folders of exports of this host that were killed, which no server ever saw."""
    atomic.clear_left(folder, r"[0-9]+")


def _numbered(folder: Path) -> dict[int, list[Path]]:
    """Version number -> the paths that have it: 10 and 0010 are one number."""
    found: dict[int, list[Path]] = {}
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for path in paths:
        if _NUMBER.fullmatch(path.name) and int(path.name) < _MOST:
            found.setdefault(int(path.name), []).append(path)
    return found
