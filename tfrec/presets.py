"""A preset: a folder with a trained model and all it needs to be used, verified when it is loaded.

```
preset.json        format, versions, and the hash and size of every other file
config.json        the model's class and constructor arguments
model.weights.h5   its weights
spec.json, vocabularies/item.txt, vocabularies/item_counts.txt, items.csv      the feature spec
metrics.json       what was measured
README.md          the model card
```
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import keras

import tfrec
from tfrec import atomic, environment, models
from tfrec.data import FeatureSpec
from tfrec.errors import InputError

_FORMAT = 1
_MANIFEST = "preset.json"
_REQUIRED = ("config.json", "model.weights.h5", "spec.json", "vocabularies/item.txt", "vocabularies/item_counts.txt")


@dataclasses.dataclass(frozen=True)
class Preset:
    """A loaded preset.

    Attributes:
        model: the model with its weights.
        spec: the feature spec it was trained with.
        metrics: what was measured, as saved.
        folder: where it came from.
        manifest: preset.json.
    """

    model: models.RetrievalModel
    spec: FeatureSpec
    metrics: dict[str, Any]
    folder: Path
    manifest: dict[str, Any]


def save(
    model: models.RetrievalModel,
    spec: FeatureSpec,
    folder: str | Path,
    metrics: Mapping[str, Any] | None = None,
    card: str | None = None,
    extra_files: Mapping[str, str | bytes] | None = None,
) -> Path:
    """Write a preset; the folder appears, or an old preset there is replaced, only when everything is written.

    Args:
        model: a tfrec model.
        spec: what it was trained with.
        folder: where to; a folder that exists must be empty or a preset.
        metrics: what was measured, for metrics.json.
        card: text of README.md; None writes a stub that says what is known.
        extra_files: further files by their path in the preset: a recipe, a learning curve.

    Raises:
        InputError: where the folder holds something else, or model and spec do not fit.
    """
    folder = check_target(folder)
    _check_fit(model, spec, f"the preset to be saved in {folder}")
    with atomic.new_folder(folder) as new:
        spec.save(new)
        config = keras.saving.serialize_keras_object(model)
        config.pop("compile_config", None)
        _write_json(new / "config.json", config)
        model.save_weights(new / "model.weights.h5")
        _write_json(new / "metrics.json", dict(metrics or {}))
        (new / "README.md").write_text(card or _card_stub(model, spec, folder.name), encoding="utf-8")
        for name, content in (extra_files or {}).items():
            _inside(new, name).write_bytes(content if isinstance(content, bytes) else content.encode())
        _write_json(new / _MANIFEST, _manifest(new))
    return folder


def check_target(folder: str | Path) -> Path:
    """The folder, if a preset may be saved there: it is new, empty, or a preset. Raises `InputError` otherwise."""
    folder = Path(folder)
    if folder.exists() and not (folder / _MANIFEST).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not a preset: it would be lost. Name another folder, or remove it.")
    return folder


def load(preset: str | Path) -> Preset:
    """Load a preset by the name it has in the zoo, or from its folder, and check every file of it.

    Args:
        preset: "sasrec_ml1m", or a path.

    Raises:
        InputError: where there is none, or a file is missing, altered, of another version, or does not fit the others;
            the text names it.
    """
    folder = find(preset)
    manifest = _verify(folder)
    config = _read_json(folder / "config.json")
    if not str(config.get("registered_name", "")).startswith("tfrec>"):
        raise InputError(f"{folder / 'config.json'} names {config.get('registered_name')!r}, which is no tfrec model.")
    try:
        model = keras.saving.deserialize_keras_object(config)
    except Exception as error:
        raise InputError(f"{folder / 'config.json'} does not describe a model that can be built: {error}") from error
    spec = FeatureSpec.load(folder)
    _check_fit(model, spec, folder)
    try:
        model.load_weights(folder / "model.weights.h5")
    except Exception as error:
        raise InputError(f"{folder / 'model.weights.h5'} does not fit the model of config.json: {error}") from error
    metrics_file = folder / "metrics.json"
    return Preset(model, spec, _read_json(metrics_file) if metrics_file.exists() else {}, folder, manifest)


def find(preset: str | Path) -> Path:
    """The folder of a preset, by its name in the zoo or by path; raises `InputError` where there is none."""
    shelf = zoo()
    if str(preset) in shelf:
        return shelf[str(preset)]
    folder = Path(preset)
    if (folder / _MANIFEST).is_file():
        return folder
    known = ", ".join(sorted(shelf)) or "none yet"
    what = f"{folder} is a folder without a {_MANIFEST}" if folder.is_dir() else f"There is no preset '{preset}'"
    raise InputError(f"{what}. Give a folder that `tfrec train` wrote, or a name of the zoo: {known}.")


def zoo() -> dict[str, Path]:
    """Name -> folder of the presets that come with tfrec."""
    package = Path(tfrec.__file__).parent
    root = next((path for path in (package / "zoo", package.parent / "models") if path.is_dir()), None)
    return {path.parent.name: path.parent for path in sorted(root.rglob(_MANIFEST))} if root else {}


def _manifest(folder: Path) -> dict[str, Any]:
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {"format": _FORMAT, "versions": environment.versions(), "files": files}


def _verify(folder: Path) -> dict[str, Any]:
    manifest = _read_json(folder / _MANIFEST)
    if manifest.get("format") != _FORMAT:
        raise InputError(
            f"{folder / _MANIFEST} has format {manifest.get('format')!r}; tfrec {tfrec.__version__} reads format "
            f"{_FORMAT}. Use the tfrec that wrote it, or save the preset again."
        )
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise InputError(f"{folder / _MANIFEST} lists no files: it is damaged. Save or download the preset again.")
    unlisted = [name for name in _REQUIRED if name not in files]
    if unlisted:
        raise InputError(f"{folder / _MANIFEST} does not list {unlisted[0]}: it is damaged.")
    for name, expected in files.items():
        path = _inside(folder, name)
        if not path.is_file():
            raise InputError(f"{path} is missing. Save or download the preset again.")
        if path.stat().st_size != expected["bytes"] or _sha256(path) != expected["sha256"]:
            raise InputError(
                f"{path} is not the file that was saved: it has {path.stat().st_size:,} bytes of "
                f"{expected['bytes']:,}, or other content. Save or download the preset again."
            )
    return manifest


def _check_fit(model: Any, spec: FeatureSpec, where: str | Path) -> None:
    for name in ("num_items", "max_length"):
        of_model, of_spec = getattr(model, name, None), getattr(spec, name)
        if of_model is not None and of_model != of_spec:
            raise InputError(
                f"Model and feature spec of {where} do not fit: the model has {name}={of_model}, the spec {of_spec}. "
                f"Build the model with {name}=spec.{name}."
            )


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name:
        raise InputError(f"{folder / _MANIFEST} names '{name}', which does not lie inside the preset.")
    return folder / name


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {type(content).__name__}, expected a JSON object.")
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _card_stub(model: models.RetrievalModel, spec: FeatureSpec, name: str) -> str:
    return f"""# {name}

A {type(model).__name__} with {model.count_params():,} parameters over {spec.num_items:,} items, written by tfrec \
{tfrec.__version__}. What was measured stands in `metrics.json`.

To be written by whoever publishes it: the data and its terms, what the model is for, where it fails.

```
tfrec recommend {name} --history ID ID ...
tfrec export {name} served/{name}
```
"""
