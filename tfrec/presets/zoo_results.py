"""Measured and published metrics of the bundled presets: the rows of models/README.md and of `tfrec list`."""

from __future__ import annotations

import dataclasses
import statistics
import tomllib
from pathlib import Path
from typing import Any

from tfrec.baseline_names import LABEL_BASELINES, RETRIEVAL_BASELINES
from tfrec.errors import InputError
from tfrec.presets import manifest, seed_results
from tfrec.presets.bundled import zoo_folder

ABOUT = "published.toml"
# Task of a preset -> the metrics in its row of the table.
METRICS = {
    "retrieval": ("recall@10", "ndcg@10"),
    "click": ("auc", "grouped_auc", "log_loss", "calibration_error"),
    "rating": ("rmse", "mae"),
}
_LOSSES = {"click": "BinaryCrossentropy", "rating": "MeanSquaredError"}


@dataclasses.dataclass(frozen=True)
class Published:
    """What others report for the same model on the same data.

    Attributes:
        metrics: reported metrics of the task.
        source: the publication.
    """

    metrics: dict[str, float]
    source: str


@dataclasses.dataclass(frozen=True)
class Result:
    """A preset's test results, or a baseline's on the same data.

    Attributes:
        preset: its name; "" for a baseline.
        model: its class, or the baseline's name.
        loss: the class of its loss; "" for a baseline.
        data: name of the dataset.
        task: "retrieval", "click" or "rating".
        metrics: metrics of `METRICS[task]` on the test part; means if there are several seeds.
        deviations: sample standard deviation of each metric over the seeds; empty if there is one seed.
        published: results of others; the first is the one to compare with.
        megabytes: size of the weights file; None if the weights are not bundled.
        dtype: how most of the weights are stored, such as "float16"; "" if they are not bundled.
        minutes: training time of the first seed, whose weights are bundled.
        seeds: seeds of the runs.
        card: path of the model card in the zoo's folder; "" for a baseline.
    """

    preset: str
    model: str
    loss: str
    data: str
    task: str
    metrics: dict[str, float]
    deviations: dict[str, float] = dataclasses.field(default_factory=dict)
    published: tuple[Published, ...] = ()
    megabytes: float | None = None
    dtype: str = ""
    minutes: float | None = None
    seeds: tuple[int, ...] = ()
    card: str = ""


def results(root: Path | None = None) -> list[Result]:
    """The results of all measured presets and of the baselines, by task and dataset, the best first.

    A folder with a recipe and metrics.json but without weights is listed without a size. A recipe without metrics.json
    is not listed.

    Args:
        root: a folder of model families; None takes the bundled zoo.

    Raises:
        InputError: if a file of the zoo is invalid.
    """
    root = root or zoo_folder()
    folders = [] if root is None else sorted(path.parent for path in root.rglob("metrics.json"))
    found = [_of_preset(folder, root) for folder in folders]
    baselines = {(row.data, row.task, row.model): row for folder in reversed(folders) for row in _baselines(folder)}
    return sorted([*found, *baselines.values()], key=_place)


def _place(row: Result) -> tuple:
    quality = {"retrieval": "ndcg@10", "click": "auc", "rating": "rmse"}[row.task]
    value = row.metrics[quality]
    return list(METRICS).index(row.task), row.data, value if row.task == "rating" else -value, row.preset


def _of_preset(folder: Path, root: Path) -> Result:
    metrics = manifest.read_json(folder / "metrics.json")
    recipe = metrics["training"]["recipe"]
    runs = seed_results.read(folder) or [seed_results.entry(metrics)]
    task = recipe.get("task", "retrieval")
    values = {name: [run["test"][name] for run in runs] for name in METRICS[task] if name in runs[0]["test"]}
    data, published = _about(folder, task)
    weights = folder / "model.weights.h5"
    stored = metrics.get("stored_weights", {}).get("dtype") or recipe.get("weights", "float32")
    return Result(
        preset=folder.name,
        model=recipe["model"]["class"],
        loss=_LOSSES[task] if task in _LOSSES else recipe["loss"]["class"],
        data=data,
        task=task,
        metrics={name: statistics.fmean(of) for name, of in values.items()},
        deviations={name: statistics.stdev(of) for name, of in values.items()} if len(runs) > 1 else {},
        published=published,
        megabytes=weights.stat().st_size / 1e6 if weights.exists() else None,
        dtype=stored if weights.exists() else "",
        minutes=runs[0]["seconds"] / 60,
        seeds=tuple(run["seed"] for run in runs),
        card=(folder.parent / "README.md").relative_to(root).as_posix(),
    )


def _baselines(folder: Path) -> list[Result]:
    metrics = manifest.read_json(folder / "metrics.json")
    reports, task = metrics["test"], metrics["training"]["recipe"].get("task", "retrieval")
    data, _ = _about(folder, task)
    return [
        Result("", name, "", data, task, {key: of[key] for key in METRICS[task] if key in of})
        for name in (*RETRIEVAL_BASELINES, *LABEL_BASELINES)
        if name in reports and (of := reports[name]["metrics"])
    ]


def _about(folder: Path, task: str) -> tuple[str, tuple[Published, ...]]:
    """The data's name and the published results, from published.toml or, for the name, from the name of the preset."""
    path = folder / ABOUT
    if not path.exists():
        return folder.name.partition("_")[2], ()
    try:
        about: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        published = tuple(
            Published({name: float(entry[name]) for name in METRICS[task] if name in entry}, str(entry["source"]))
            for entry in about.get("published", [])
        )
        return str(about["data"]), published
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f'{path} cannot be read: {error!r}. Expected data = "...", and [[published]] entries with '
            f"{', '.join(METRICS[task])} and source."
        ) from error
