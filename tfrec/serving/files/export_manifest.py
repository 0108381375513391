"""The manifest of an export: assets.extra/tfrec.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfrec import environment, presets
from tfrec.errors import InputError
from tfrec.file_hashes import list_files, read_json, verify_files
from tfrec.serving.files.saved_model import INIT, check_inside, meta_graph, written_by

PLACE = Path("assets.extra") / "tfrec.json"
_FORMAT = 1
# Required entries, which serve-check reads. Exports of a single ranking model have no "index".
_REQUIRED = {"preset": str, "model": str, "mask_seen": bool, "signatures": dict, "files": dict}


def write(export: Path, preset: presets.Preset, answers: dict[str, Any]) -> None:
    """Write the manifest of an export.

    Args:
        export: the folder of a SavedModel, with all its other files.
        preset: the exported preset.
        answers: entries on the answers: k, index, mask_seen, parity.
    """
    content = {
        "format": _FORMAT,
        "preset": preset.folder.name,
        "model": type(preset.model).__name__,
        "num_items": preset.spec.num_items,
        **({} if preset.spec.num_users is None else {"num_users": preset.spec.num_users}),
        "max_length": preset.spec.max_length,
        **answers,
        "signatures": signatures_of(export),
        "versions": environment.versions() | {"tensorflow": written_by(export)},
        "machine": environment.machine(),
        "preset_files": preset.manifest["files"],  # with the hashes of weights, vocabulary and config
        "metrics": preset.metrics,  # of the preset, before items were added or weights converted to int8
        "files": list_files(export, export / PLACE),
    }
    (export / PLACE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(export: Path) -> dict[str, Any]:
    """Read the manifest of an export and verify its files by size and hash.

    Raises:
        InputError: if a file is missing, changed or not in the manifest, or the manifest is invalid.
    """
    path = export / PLACE
    advice = "Name a version folder that tfrec has exported."
    check_inside(export)  # before any file is read
    try:
        content = read_json(path)
    except InputError as error:
        raise InputError(f"{error} {advice}") from error
    if content.get("format") != _FORMAT:
        raise InputError(f"{path} has format {content.get('format')!r}; this tfrec reads format {_FORMAT}. {advice}")
    for name, kind in _REQUIRED.items():
        if not isinstance(content.get(name), kind):
            raise InputError(f"{path} has no valid entry '{name}'. Export again, or copy the folder again.")
    verify_files(export, content["files"], path, "Export again, or copy the folder again.")
    there = {file.relative_to(export).as_posix() for file in export.rglob("*") if file.is_file()}
    more = sorted(name for name in there - {PLACE.as_posix(), *content["files"]} if not Path(name).name.startswith("."))
    if more:
        raise InputError(f"{export / more[0]} is not part of the export. Remove it, or copy the folder again.")
    return content


def signatures_of(export: Path) -> dict[str, Any]:
    """Signature -> {"inputs": {name: [type, shape]}, "outputs": the same, "optional": names}."""
    found = {}
    for key, one in sorted(meta_graph(export).signature_def.items()):
        if key == INIT:
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
    """Input name -> type, which is the same in all signatures."""
    inputs = [one["inputs"] for one in signatures_of(export).values()]
    return {name: tf.dtypes.as_dtype(dtype) for signature in inputs for name, (dtype, _) in signature.items()}
