"""The numbered version folders of a model on a server."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from tfrec import atomic


def versions(folder: Path) -> list[int]:
    """The version numbers that are taken in a folder, in order."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if re.fullmatch(r"[0-9]+", path.name))


def keep_newest(folder: Path, keep: int) -> list[int]:
    """Remove all but the newest versions; each is hidden from the server in one step before its files go.

    Returns:
        what was removed.
    """
    old = versions(folder)[:-keep]
    for version in old:
        path = next(path for path in folder.iterdir() if path.name.isdigit() and int(path.name) == version)
        hidden = folder / f".{path.name}.old-{atomic.HOST}-{os.getpid()}"
        path.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)
    return old


def clear_left(folder: Path) -> None:
    """Remove the hidden folders of exports of this host that were killed, which no server ever saw."""
    for path in folder.glob(".*") if folder.is_dir() else ():
        match = re.fullmatch(rf"\.[0-9]+\.(?:tmp|old)-{atomic.HOST}-([0-9]+)(?:-[0-9a-f]+)?", path.name)
        if match and not _runs(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
