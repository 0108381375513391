"""Save and load a preset."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

import tfrec
from tfrec import atomic, models
from tfrec.data import FeatureSpec
from tfrec.errors import InputError
from tfrec.presets import manifest
from tfrec.presets.bundled import find


@dataclasses.dataclass(frozen=True, repr=False)
class Preset:
    """A loaded preset; `repr` says in a few lines what it holds.

    Attributes:
        model: the model with its weights.
        spec: the feature spec it was trained with.
        metrics: what was measured, as saved.
        folder: where it came from.
        manifest: preset.json.
    """

    model: models.Recommender
    spec: FeatureSpec
    metrics: dict[str, Any]
    folder: Path
    manifest: dict[str, Any]

    def __repr__(self) -> str:
        what = f"{type(self.model).__name__} of {self.model.count_params():,} parameters"
        lines = [
            f"Preset '{self.folder.name}': {what}",
            repr(self.spec),
            f"metrics: {', '.join(self.metrics) or 'none'}",
        ]
        return "\n  ".join([*lines, f"folder: {self.folder}"])


def save(
    model: models.Recommender,
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
    spec.check_fits(model)
    with atomic.new_folder(folder) as new:
        spec.save(new)
        config = keras.saving.serialize_keras_object(model)
        config.pop("compile_config", None)
        manifest.write_json(new / "config.json", config)
        twin = type(model).from_config(model.get_config())  # never compiled: Keras would save the optimizer's state too
        twin.set_weights(model.get_weights())
        twin.save_weights(new / "model.weights.h5")
        manifest.write_json(new / "metrics.json", dict(metrics or {}))
        (new / "README.md").write_text(card or _card_stub(model, spec, folder.name), encoding="utf-8")
        for name, content in (extra_files or {}).items():
            manifest.inside(new, name).write_bytes(content if isinstance(content, bytes) else content.encode())
        manifest.write(new)
    return folder


def check_target(folder: str | Path) -> Path:
    """The folder, if a preset may be saved there: it can be written, and is new, empty, or a preset and nothing else.

    Raises:
        InputError: otherwise, before hours of training are lost.
    """
    folder = Path(folder).resolve()
    if folder == Path.cwd():
        raise InputError(f"{folder} is the folder you are in, which cannot be replaced: name a folder in it.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        is_preset = (folder / manifest.NAME).is_file()
        known = {manifest.NAME, *manifest.read_json(folder / manifest.NAME).get("files", {})} if is_preset else set()
        files = [folder] if folder.is_file() else [path for path in folder.rglob("*") if path.is_file()]
        others = [path for path in files if path.relative_to(folder).as_posix() not in known]
        if others:
            raise InputError(
                f"{folder} exists and is not a preset, or holds more than one: {others[0]} would be lost. Name another "
                "folder."
            )
    atomic.check_writable(folder)
    return folder


def load(preset: str | Path, kind: type[models.Recommender] = models.Recommender) -> Preset:
    """Load a preset by the name it has in the zoo, or from its folder, and check every file of it.

    Args:
        preset: "sasrec_ml1m", or a path.
        kind: the class that its model must have.

    Raises:
        InputError: where there is none, or a file is missing, altered, of another version, or does not fit the others;
            the text names it. Where the model has another class, too.
    """
    folder = find(preset)
    listed = manifest.verify(folder)
    config = manifest.read_json(folder / "config.json")
    if not str(config.get("registered_name", "")).startswith("tfrec>"):
        raise InputError(f"{folder / 'config.json'} names {config.get('registered_name')!r}, which is no tfrec model.")
    try:
        model = keras.saving.deserialize_keras_object(config)
    except Exception as error:
        raise InputError(f"{folder / 'config.json'} does not describe a model that can be built: {error}") from error
    if not isinstance(model, kind):
        its, is_ranking = type(model).__name__, isinstance(model, models.RankingModel)
        raise InputError(
            f"The preset '{preset}' holds a {its}, no {kind.__name__}: use tfrec.models.{its}.from_preset, or "
            "tfrec.models.Recommender.from_preset, which takes any; on the command line "
            + (
                "tfrec explain, and tfrec export --ranking."
                if is_ranking
                else "tfrec recommend, and tfrec export PRESET."
            )
        )
    spec = FeatureSpec.load(folder)
    spec.check_fits(model)
    try:
        model.load_weights(folder / "model.weights.h5")
    except Exception as error:
        raise InputError(f"{folder / 'model.weights.h5'} does not fit the model of config.json: {error}") from error
    if isinstance(model, models.RetrievalModel):
        model.item_counts = spec.item_counts
    metrics_file = folder / "metrics.json"
    return Preset(model, spec, manifest.read_json(metrics_file) if metrics_file.exists() else {}, folder, listed)


def _card_stub(model: models.Recommender, spec: FeatureSpec, name: str) -> str:
    if isinstance(model, models.RankingModel):
        asked = " --history ID ID ..." * ("history" in model.input_names) + " --item ID"
        over, use = f"{len(model.input_names)} inputs", [f"tfrec export --ranking {name} served/{name}"]
        use += [f"tfrec explain {name}{asked}"] * bool(model.attention_axes)
    else:
        over, use = f"{spec.num_items:,} items", [f"tfrec recommend {name} --history ID ID ..."]
        use.append(f"tfrec export {name} served/{name}")
    commands = "\n".join(use)
    return f"""# {name}

A {type(model).__name__} with {model.count_params():,} parameters over {over}, written by tfrec \
{tfrec.__version__}. What was measured stands in `metrics.json`.

To be written by whoever publishes it: the data and its terms, what the model is for, where it fails.

```
{commands}
```
"""
