"""preset.json: the hash and size of every file of a preset, and what makes a file of it fit to be trusted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import tfrec
from tfrec import environment
from tfrec.errors import InputError

NAME = "preset.json"
_FORMAT = 1
_REQUIRED = ("config.json", "model.weights.h5", "spec.json", "vocabularies/item.txt", "vocabularies/item_counts.txt")


def write(folder: Path) -> None:
    """List every file of a folder in its preset.json."""
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }
    write_json(folder / NAME, {"format": _FORMAT, "versions": environment.versions(), "files": files})


def verify(folder: Path) -> dict[str, Any]:
    """Check every listed file and return the manifest; raises `InputError`, which names the file that is wrong."""
    manifest = read_json(folder / NAME)
    if manifest.get("format") != _FORMAT:
        raise InputError(
            f"{folder / NAME} has format {manifest.get('format')!r}; tfrec {tfrec.__version__} reads format "
            f"{_FORMAT}. Use the tfrec that wrote it, or save the preset again."
        )
    versions = manifest.get("versions")
    writer = str(versions.get("tfrec", "0") if isinstance(versions, dict) else "0")
    if _release(writer) > _release(tfrec.__version__):
        raise InputError(f"{folder} was written by tfrec {writer}; this is {tfrec.__version__}. Install the newer one.")
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise InputError(f"{folder / NAME} lists no files: it is damaged. Save or download the preset again.")
    unlisted = [name for name in _REQUIRED if name not in files]
    if unlisted:
        raise InputError(f"{folder / NAME} does not list {unlisted[0]}: it is damaged.")
    for name, expected in files.items():
        path = inside(folder, name)
        told = (expected.get("bytes"), expected.get("sha256")) if isinstance(expected, dict) else (None, None)
        if not isinstance(told[0], int) or not isinstance(told[1], str):
            raise InputError(f"{folder / NAME} says neither size nor hash of {name}: it is damaged.")
        if not path.is_file():
            raise InputError(f"{path} is missing. Save or download the preset again.")
        if path.stat().st_size != expected["bytes"] or _sha256(path) != expected["sha256"]:
            raise InputError(
                f"{path} is not the file that was saved: it has {path.stat().st_size:,} bytes of "
                f"{expected['bytes']:,}, or other content. Save or download the preset again."
            )
    return manifest


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def inside(folder: Path, name: str) -> Path:
    """The path of a file of the preset; raises `InputError` where the name leads out of it."""
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name or not _is_file_name(name):
        raise InputError(f"{folder / NAME} names '{name}', which does not lie inside the preset.")
    return folder / name


def _is_file_name(name: str) -> bool:
    parts = [part.encode("utf-8", "replace") for part in name.split("/")]
    return "\0" not in name and len(b"/".join(parts)) < 1024 and all(len(part) < 256 for part in parts)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; raises `InputError` where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {type(content).__name__}, expected a JSON object.")
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
