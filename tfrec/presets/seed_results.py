"""seeds.json: what the same recipe measured with other seeds, an entry a seed."""

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
    """Write the preset's seeds.json: its own results, then those of further runs of its recipe.

    Args:
        preset: folder of a preset that `tfrec train` wrote.
        runs: folders of presets that `tfrec train --seed N` wrote from the same recipe and data.

    Returns:
        the entries: seed, valid and test metrics, best epoch, seconds, machine and versions.

    Raises:
        InputError: where a run has another recipe or other data, or a seed comes twice.
    """
    from tfrec.data.tables.data_hashes import same_data  # here, since tfrec.data imports TensorFlow

    folders = [Path(folder) for folder in (preset, *runs)]
    measured = [_measured(folder) for folder in folders]
    first = measured[0]["training"]
    for folder, metrics in zip(folders[1:], measured[1:], strict=True):
        training = metrics["training"]
        if not same_data(training, first):
            raise InputError(f"{folder} was trained on other data than {folders[0]}: their hashes differ.")
        own, other = first["recipe"] | {"seed": None}, training["recipe"] | {"seed": None}
        differing = sorted(name for name in own.keys() | other.keys() if own.get(name) != other.get(name))
        if differing:
            raise InputError(
                f"{folder} was trained with another recipe than {folders[0]}: {differing[0]} is "
                f"{other.get(differing[0])!r}, not {own.get(differing[0])!r}. Only the seed may differ."
            )
    entries = [entry(metrics) for metrics in measured]
    numbers = [run["seed"] for run in entries]
    if len(set(numbers)) < len(numbers):
        raise InputError(f"Each run must have a seed of its own, got {', '.join(map(str, numbers))}.")
    atomic.write_text(folders[0] / NAME, json.dumps({"seeds": entries}, indent=2) + "\n")
    return entries


def read(folder: Path) -> list[dict[str, Any]]:
    """The entries of a preset's seeds.json; none where there is no such file."""
    path = folder / NAME
    return manifest.read_json(path)["seeds"] if path.exists() else []


def entry(metrics: dict[str, Any]) -> dict[str, Any]:
    """One seed's results, from the metrics.json of its run."""
    training = metrics["training"]
    # Reports go by the model's name; older files do not tell it: it is the one that a class has by default.
    model = training.get("name", training["recipe"]["model"]["class"].lower())
    return {
        "seed": training["seed"],
        **{part: metrics[part][model]["metrics"] for part in ("valid", "test")},
        **{name: training[name] for name in ("best_epoch", "seconds", "machine", "versions")},
    }


def _measured(folder: Path) -> dict[str, Any]:
    if not (folder / manifest.NAME).is_file():
        raise InputError(f"{folder} is no preset: name folders that `tfrec train` wrote.")
    manifest.verify(folder)
    metrics = manifest.read_json(folder / "metrics.json") if (folder / "metrics.json").exists() else {}
    if "training" not in metrics:
        raise InputError(f"{folder / 'metrics.json'} does not say how it was trained: `tfrec train` writes that.")
    return metrics
