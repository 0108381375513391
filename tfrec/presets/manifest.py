"""preset.json: the hash and size of every file of a preset, and the versions that wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tfrec
from tfrec import environment
from tfrec.errors import InputError
from tfrec.file_hashes import list_files, path_inside, read_json, sha256_of, verify_files

__all__ = ["NAME", "inside", "read_json", "update", "verify", "write", "write_json"]

NAME = "preset.json"
_FORMAT = 1
_LONGEST_VERSION = 100  # characters
_REQUIRED = ("config.json", "model.weights.h5", "spec.json", "vocabularies/item.txt", "vocabularies/item_counts.txt")


def write(folder: Path) -> None:
    """List every file of a folder in its preset.json."""
    files = list_files(folder, folder / NAME)
    write_json(folder / NAME, {"format": _FORMAT, "versions": environment.versions(), "files": files})


def update(folder: Path, *names: str) -> None:
    """Renew the hash and size of files that were replaced."""
    content = read_json(folder / NAME)
    for name in names:
        path = inside(folder, name)
        content["files"][name] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    write_json(folder / NAME, content)


def verify(folder: Path) -> dict[str, Any]:
    """Verify all listed files and return the manifest; raises `InputError`, which names the wrong file."""
    manifest = read_json(folder / NAME)
    if manifest.get("format") != _FORMAT:
        raise InputError(
            f"{folder / NAME} has format {manifest.get('format')!r}; tfrec {tfrec.__version__} reads format "
            f"{_FORMAT}. Use the version of tfrec that wrote it, or save the preset again."
        )
    versions = manifest.get("versions")
    writer = str(versions.get("tfrec", "0") if isinstance(versions, dict) else "0")
    if len(writer) > _LONGEST_VERSION:
        raise InputError(
            f"{folder / NAME} states the tfrec version {writer[:20]!r}..., which is invalid: it is damaged."
        )
    if _release(writer) > _release(tfrec.__version__):
        raise InputError(
            f"{folder} was written by tfrec {writer}, but {tfrec.__version__} is installed: upgrade tfrec."
        )
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise InputError(f"{folder / NAME} lists no files: it is damaged. Save or download the preset again.")
    unlisted = [name for name in _REQUIRED if name not in files]
    if unlisted:
        raise InputError(f"{folder / NAME} does not list {unlisted[0]}: it is damaged.")
    verify_files(folder, files, folder / NAME, "Save or download the preset again.")
    return manifest


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def inside(folder: Path, name: str) -> Path:
    """The path of a file of the preset; raises `InputError` if the name leads out of it."""
    return path_inside(folder, name, folder / NAME)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
