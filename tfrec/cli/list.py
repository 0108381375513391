"""`tfrec list`: list the bundled presets with their stored metrics."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tfrec.presets.zoo_results import METRICS
from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.presets import Result

_TITLES = {
    "retrieval": "Retrieval: full-catalogue ranking",
    "click": "Ranking: clicks",
    "rating": "Ranking: ratings",
}
_NAMES = {
    "recall@10": "Recall@10",
    "ndcg@10": "NDCG@10",
    "auc": "AUC",
    "grouped_auc": "grouped AUC",
    "log_loss": "log-loss",
    "calibration_error": "calibration error",
    "rmse": "RMSE",
    "mae": "MAE",
}
_NOTHING = "-"
_NOTES = """Metrics of presets with several seeds are means. published: the metric that sorts the rows, as
reported by others. MB and dtype: size of the weights, and how they are stored; a preset without a
size is only a recipe, which `tfrec train --recipe NAME` trains. `tfrec list --markdown` adds
losses, deviations, sources and minutes."""
_PAGE = """# The zoo

<!-- Written by `make zoo` from families.md and the metrics.json, seeds.json and published.toml of the presets: change
those, not this. -->

Metrics of each preset on the test part. Epochs and weights were chosen on the validation part.

{tables}

{families}

## Notes

- **Retrieval**: leave-one-out. A user's last item is the test item, the one before it the validation item. The whole
  catalogue is ranked, seen items are masked, all users count. popularity and item-to-item are baselines without
  training.
- **Ranking**: rows are held out at random or by time, as the recipe says. Baselines: mean is the mean label; biases
  adds the user's and the item's deviation from it.
- **seed**: the seed of the run. With several seeds, metrics are mean ± sample standard deviation, and the weights are
  those of the first seed.
- **published**: results of others on the same data, for the same model and loss unless another is named.
- **recipe only**: trained and measured like the others, but without bundled weights; train it with `tfrec train`.
- **MB**, **dtype**: size of the weights, and how they are stored; float16 is read back as float32.
  [Stored weights](../docs/guides/costs.md#stored-weights) compares both.
- **minutes**: training time of the first seed; metrics.json names the machine.

`tfrec list` prints a short form of these tables. Each model's card describes its idea, its data and its limits.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--markdown", action="store_true", help="print the page models/README.md")


def run(options: argparse.Namespace) -> None:
    """Print one row per preset."""
    from tfrec import presets

    found = presets.results()
    say(page(found).rstrip("\n") if options.markdown else aligned(found))


def page(found: list[Result]) -> str:
    """The results as the page models/README.md."""
    from tfrec.presets.bundled import zoo_folder

    tables = []
    for task, rows in _tables(found):
        rows.insert(1, ("---",) * len(rows[0]))
        tables += [f"## {_TITLES[task]}", "\n".join(f"| {' | '.join(row)} |" for row in rows)]
    folder = zoo_folder()
    families = "" if folder is None else (folder / "families.md").read_text("utf-8").rstrip("\n")
    return _PAGE.format(tables="\n\n".join(tables), families=families)


def aligned(found: list[Result]) -> str:
    """The results for a terminal of 100 columns, without the longest columns of models/README.md."""
    parts = []
    for task, names in METRICS.items():
        results = [result for result in found if result.task == task]
        metrics = _shown(names, results)
        quality, lines = names[1] if task == "retrieval" else names[0], []
        head = ("preset", "model", *(_NAMES[name] for name in metrics), "published", "MB", "dtype")
        rows = [head, *(_short_cells(result, metrics, quality) for result in results)]
        columns = [of for of in zip(*rows, strict=True) if {*of[1:]} - {_NOTHING}]  # without empty ones
        widths = [max(map(len, column)) for column in columns]
        for place, cells in enumerate(zip(*columns, strict=True)):
            if place and (place == 1 or results[place - 1].data != results[place - 2].data):
                lines.append(f"-- {results[place - 1].data}")
            lines.append("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
        if results:
            parts.append("\n".join([_TITLES[task], *lines]))
    return "\n\n".join([*parts, _NOTES])


def _short_cells(result: Result, metrics: list[str], quality: str) -> tuple[str, ...]:
    published = [entry.metrics[quality] for entry in result.published[:1] if quality in entry.metrics]
    return (
        result.preset or _NOTHING,
        result.model,
        *(f"{result.metrics[name]:.4f}" if name in result.metrics else _NOTHING for name in metrics),
        *([f"{value:.4f}" for value in published] or [_NOTHING]),
        _NOTHING if result.megabytes is None else f"{result.megabytes:.1f}",
        result.dtype or _NOTHING,
    )


def _shown(names: tuple[str, ...], results: list[Result]) -> list[str]:
    """The metrics that at least one result has."""
    return [name for name in names if any(name in result.metrics for result in results)]


def _tables(found: list[Result]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The rows of each task, with the head first, without metrics that no result has."""
    tables = []
    for task, names in METRICS.items():
        results = [result for result in found if result.task == task]
        shown = _shown(names, results)
        head = (
            "preset",
            "model",
            "loss",
            "data",
            *(_NAMES[name] for name in shown),
            "published",
            "MB",
            "dtype",
            "minutes",
            "seed",
        )
        if results:
            tables.append((task, [head, *(_cells(result, shown) for result in results)]))
    return tables


def _cells(result: Result, shown: list[str]) -> tuple[str, ...]:
    name = f"[`{result.preset}`]({result.card})" if result.preset else result.preset
    if result.preset and result.megabytes is None:
        name += " (recipe only)"
    published = [
        f"{' / '.join(f'{value:.4f}' for value in entry.metrics.values())} ({entry.source})"
        for entry in result.published
    ]
    return (
        name or _NOTHING,
        result.model,
        result.loss or _NOTHING,
        result.data,
        *(_number(result, metric) for metric in shown),
        "; ".join(published) or _NOTHING,
        _NOTHING if result.megabytes is None else f"{result.megabytes:.1f}",
        result.dtype or _NOTHING,
        _NOTHING if result.minutes is None else f"{result.minutes:.0f}",
        ", ".join(map(str, result.seeds)) or _NOTHING,
    )


def _number(result: Result, metric: str) -> str:
    if metric not in result.metrics:
        return _NOTHING
    spread = f" ± {result.deviations[metric]:.4f}" if metric in result.deviations else ""
    return f"{result.metrics[metric]:.4f}{spread}"
