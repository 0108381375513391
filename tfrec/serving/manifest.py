"""What an export says of itself: assets.extra/tfrec.json."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfrec import environment, presets
from tfrec.errors import InputError
from tfrec.serving.saved_model import meta_graph

PLACE = Path("assets.extra") / "tfrec.json"
_FORMAT = 1


def write(export: Path, preset: presets.Preset, answers: dict[str, Any]) -> None:
    """Write the manifest of an export.

    Args:
        export: the folder of a SavedModel, with all its other files.
        preset: where it comes from.
        answers: how it answers: k, index, mask_seen, parity.
    """
    content = {
        "format": _FORMAT,
        "preset": preset.folder.name,
        "model": type(preset.model).__name__,
        "num_items": preset.spec.num_items,
        "max_length": preset.spec.max_length,
        **answers,
        "signatures": signatures_of(export),
        "versions": environment.versions(),
        "preset_files": preset.manifest["files"],  # with the hashes of weights, vocabulary and config
        "metrics": preset.metrics,
        "files": {
            path.relative_to(export).as_posix(): {"bytes": path.stat().st_size, "sha256": _sha256(path)}
            for path in sorted(export.rglob("*"))
            if path.is_file() and path != export / PLACE
        },
    }
    (export / PLACE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(export: Path) -> dict[str, Any]:
    """The manifest of an export whose files are all there, as they were written; raises `InputError` otherwise."""
    path = export / PLACE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = content["files"]
        if content["format"] != _FORMAT:
            raise InputError(f"{path} has format {content['format']!r}; this tfrec reads format {_FORMAT}.")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error!r}. Name a version folder that tfrec has exported.") from error
    for name, written in files.items():
        file = export / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise InputError(f"{path} names '{name}', which does not lie inside the export.")
        if not file.is_file() or file.stat().st_size != written["bytes"] or _sha256(file) != written["sha256"]:
            raise InputError(f"{file} is missing or is not what was exported. Export again, or copy the folder again.")
    return content


def signatures_of(export: Path) -> dict[str, Any]:
    """Signature -> {"inputs": {name: [type, shape]}, "outputs": likewise, "optional": names}."""
    found = {}
    for key, one in sorted(meta_graph(export).signature_def.items()):
        if key == "__saved_model_init_op":
            continue
        sides = {
            side: {
                name: [tf.dtypes.as_dtype(info.dtype).name, [axis.size for axis in info.tensor_shape.dim]]
                for name, info in sorted(getattr(one, side).items())
            }
            for side in ("inputs", "outputs")
        }
        found[key] = {**sides, "optional": sorted(one.defaults)}
    return found


def input_types(export: Path) -> dict[str, tf.DType]:
    """Input name -> type; a name means the same in all signatures."""
    inputs = [one["inputs"] for one in signatures_of(export).values()]
    return {name: tf.dtypes.as_dtype(dtype) for signature in inputs for name, (dtype, _) in signature.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
