"""seeds.json: the metrics of one recipe with several seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfrec import atomic
from tfrec.errors import InputError
from tfrec.presets import manifest

NAME = "seeds.json"


def gather(preset: str | Path, runs: Sequence[str | Path]) -> list[dict[str, Any]]:
    """Write the preset's seeds.json: its own metrics, then those of further runs of its recipe.

    Args:
        preset: folder of a preset that `tfrec train` wrote.
        runs: folders of presets that `tfrec train --seed N` wrote from the same recipe and data.

    Returns:
        the entries: seed, valid and test metrics, best epoch, seconds, machine and versions.

    Raises:
        InputError: if a run has another recipe or other data, or a seed occurs twice.
    """
    from tfrec.data.tables.data_hashes import same_data  # here, since tfrec.data imports TensorFlow

    folders = [Path(folder) for folder in (preset, *runs)]
    measured = [_measured(folder) for folder in folders]
    first = measured[0]["training"]
    for folder, metrics in zip(folders[1:], measured[1:], strict=True):
        training = metrics["training"]
        if not same_data(training, first):
            raise InputError(
                f"{folder} was trained on other data than {folders[0]}, their hashes differ: use runs on the same data."
            )
        own, other = first["recipe"] | {"seed": None}, training["recipe"] | {"seed": None}
        differing = sorted(
            name for name in own.keys() | other.keys() if (own.get(name) or {}) != (other.get(name) or {})
        )
        if differing:
            raise InputError(
                f"{folder} was trained with another recipe than {folders[0]}: {differing[0]} is "
                f"{other.get(differing[0])!r}, not {own.get(differing[0])!r}. Only the seed may differ."
            )
    entries = [entry(metrics) for metrics in measured]
    numbers = [run["seed"] for run in entries]
    if len(set(numbers)) < len(numbers):
        raise InputError(f"Each run needs a different seed, got {', '.join(map(str, numbers))}.")
    atomic.write_text(folders[0] / NAME, json.dumps({"seeds": entries}, indent=2) + "\n")
    return entries


def read(folder: Path) -> list[dict[str, Any]]:
    """The entries of a preset's seeds.json; empty if there is no such file."""
    path = folder / NAME
    return manifest.read_json(path)["seeds"] if path.exists() else []


def entry(metrics: dict[str, Any]) -> dict[str, Any]:
    """The entry of one seed, from the metrics.json of its run."""
    training = metrics["training"]
    # Reports are stored by the model's name. Older files do not have it and used the default name of the class.
    model = training.get("name", training["recipe"]["model"]["class"].lower())
    return {
        "seed": training["seed"],
        **{part: metrics[part][model]["metrics"] for part in ("valid", "test")},
        **{name: training[name] for name in ("best_epoch", "seconds", "machine", "versions")},
    }


def _measured(folder: Path) -> dict[str, Any]:
    if not (folder / manifest.NAME).is_file():
        raise InputError(f"{folder} is not a preset: name folders that `tfrec train` wrote.")
    manifest.verify(folder)
    metrics = manifest.read_json(folder / "metrics.json") if (folder / "metrics.json").exists() else {}
    if "training" not in metrics:
        raise InputError(f"{folder / 'metrics.json'} has no entry 'training': use a preset that `tfrec train` wrote.")
    return metrics
