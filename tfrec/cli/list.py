"""`tfrec list`: the presets that come with tfrec, and what they reach. Only stored numbers are read."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tfrec.presets.zoo_results import METRICS
from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.presets import Result

_TITLES = {
    "retrieval": "Retrieval: the catalogue ranked",
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
_NOTES = """Of several seeds the mean. published: what others report of the metric that orders the rows.
MB: of the weights; a preset without is a recipe alone: tfrec train --recipe NAME trains it.
tfrec list --markdown adds deviations, sources, minutes and seeds."""
_PAGE = """# The zoo

<!-- Written by `make zoo` from metrics.json, seeds.json and published.toml of the presets: change those, not this. -->

What each preset reaches on the test part. Epochs and weights are chosen on the validation part.

{tables}

- **Retrieval**: leave-one-out. A user's last item is the test, the one before it the validation; the whole catalogue is
  ranked, seen items are masked, all users count. popularity and item-to-item are baselines that learn nothing.
- **Ranking**: rows held back, at random or by time as the recipe says. mean is the mean label; biases adds what users
  and items differ from it.
- Numbers are those of the run whose seed is given; of several seeds the mean ± sample standard deviation, and the
  weights of the first.
- **published**: what others report on the same data, for the same model and loss or for the one that is named with it.
- **recipe alone**: trained and measured like the others, but its weights are not shipped; `tfrec train` makes them.
- **MB**: of the weights. **minutes**: of training, of several seeds the first, whose weights these are; the machine
  stands in the preset's metrics.json.

`tfrec list` prints these tables in short; each preset's card says what it is, where it comes from and where it fails.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--markdown", action="store_true", help="print the page that stands in models/README.md")


def run(options: argparse.Namespace) -> None:
    """Print a row a preset."""
    from tfrec import presets

    found = presets.results()
    say(page(found).rstrip("\n") if options.markdown else aligned(found))


def page(found: list[Result]) -> str:
    """The results as models/README.md shows them."""
    tables = []
    for task, rows in _tables(found):
        rows.insert(1, ("---",) * len(rows[0]))
        tables += [f"## {_TITLES[task]}", "\n".join(f"| {' | '.join(row)} |" for row in rows)]
    return _PAGE.format(tables="\n\n".join(tables))


def aligned(found: list[Result]) -> str:
    """The results for a terminal, below 100 columns: what stands in models/README.md without its longest columns."""
    parts = []
    for task, names in METRICS.items():
        results = [result for result in found if result.task == task]
        metrics = _shown(names, results)
        quality, lines = names[1] if task == "retrieval" else names[0], []
        head = ("preset", "model", "loss", *(_NAMES[name] for name in metrics), "published", "MB")
        rows = [head, *(_short_cells(result, metrics, quality) for result in results)]
        # A column in which nothing stands is left out, and so is the loss where there is but one.
        columns = [of for of in zip(*rows, strict=True) if len({*of[1:]} - {_NOTHING}) > (of[0] == "loss")]
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
        result.loss or _NOTHING,
        *(f"{result.metrics[name]:.4f}" if name in result.metrics else _NOTHING for name in metrics),
        *([f"{value:.4f}" for value in published] or [_NOTHING]),
        _NOTHING if result.megabytes is None else f"{result.megabytes:.1f}",
    )


def _shown(names: tuple[str, ...], results: list[Result]) -> list[str]:
    """The metrics that a row has."""
    return [name for name in names if any(name in result.metrics for result in results)]


def _tables(found: list[Result]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """For each task its rows, the head first; metrics that no row has are left out."""
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
            "minutes",
            "seed",
        )
        if results:
            tables.append((task, [head, *(_cells(result, shown) for result in results)]))
    return tables


def _cells(result: Result, shown: list[str]) -> tuple[str, ...]:
    name = f"[`{result.preset}`]({result.card})" if result.preset else result.preset
    if result.preset and result.megabytes is None:
        name += " (recipe alone)"
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
        _NOTHING if result.minutes is None else f"{result.minutes:.0f}",
        ", ".join(map(str, result.seeds)) or _NOTHING,
    )


def _number(result: Result, metric: str) -> str:
    if metric not in result.metrics:
        return _NOTHING
    spread = f" ± {result.deviations[metric]:.4f}" if metric in result.deviations else ""
    return f"{result.metrics[metric]:.4f}{spread}"
