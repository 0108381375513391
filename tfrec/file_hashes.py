"""Sizes and SHA-256 hashes of files in the manifests of presets and exports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tfrec.errors import InputError

LARGEST_JSON = 256 << 20  # bytes; parsed, it takes several times as much memory


def list_files(folder: Path, manifest: Path) -> dict[str, dict[str, Any]]:
    """Name -> {"bytes", "sha256"} of all files of a folder except its manifest, sorted by name."""
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != manifest
    }


def verify_files(folder: Path, files: Mapping[str, Any], manifest: Path, advice: str) -> None:
    """Verify the files of a folder against its manifest.

    Args:
        folder: the folder.
        files: name -> {"bytes", "sha256"}, as read from the manifest and not yet validated.
        manifest: path of the manifest, for error messages.
        advice: a sentence for error messages that says what to do.

    Raises:
        InputError: if a name is outside the folder, a size or hash is invalid, or a file is missing or changed.
    """
    for name, entry in files.items():
        path = path_inside(folder, name, manifest)
        size, digest = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if not isinstance(size, int) or not isinstance(digest, str):
            raise InputError(f"{manifest} has no valid size and hash of {name}: it is damaged. {advice}")
        if not path.is_file():
            raise InputError(f"{path} is missing. {advice}")
        found = path.stat().st_size
        if found != size:
            raise InputError(f"{path} has changed: {found:,} bytes, but {manifest.name} lists {size:,}. {advice}")
        if sha256_of(path) != digest:
            raise InputError(f"{path} has changed: its SHA-256 is not the one that {manifest.name} lists. {advice}")


def path_inside(folder: Path, name: str, manifest: Path) -> Path:
    """The path of a file in a manifest; raises `InputError` if it is outside the folder."""
    pure = PurePosixPath(name)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or "\\" in name or not _is_file_name(name):
        raise InputError(f"{manifest} names '{name}', which is outside {folder}.")
    return folder / name


def _is_file_name(name: str) -> bool:
    parts = [part.encode("utf-8", "replace") for part in name.split("/")]
    return "\0" not in name and len(b"/".join(parts)) < 1024 and all(len(part) < 256 for part in parts)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file; raises `InputError` if the file has none."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise InputError(f"{path} has {path.stat().st_size:,} bytes: expected at most {LARGEST_JSON:,}.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} contains a {type(content).__name__}, expected a JSON object.")
    return content


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file as a hexadecimal string."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
