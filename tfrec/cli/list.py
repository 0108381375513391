"""`tfrec list`: what stands on the zoo's shelf, and what it reaches."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

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
_PAGE = """# The zoo

<!-- Written by `make zoo` from the metrics.json, seeds.json and shelf.toml of the presets: change those, not this. -->

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

`tfrec list` prints these tables; each preset's card says what it is, where it comes from and where it fails.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--markdown", action="store_true", help="print the page that stands in models/README.md")


def run(options: argparse.Namespace) -> None:
    """Print a row a preset."""
    from tfrec import presets

    found = presets.results()
    print(page(found) if options.markdown else _aligned(found), end="" if options.markdown else "\n")


def page(found: list[Result]) -> str:
    """The results as models/README.md shows them."""
    tables = []
    for task, rows in _tables(found, markdown=True):
        rows.insert(1, ("---",) * len(rows[0]))
        tables += [f"## {_TITLES[task]}", "\n".join(f"| {' | '.join(row)} |" for row in rows)]
    return _PAGE.format(tables="\n\n".join(tables))


def _aligned(found: list[Result]) -> str:
    parts = []
    for task, rows in _tables(found, markdown=False):
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        parts.append("\n".join([_TITLES[task], *lines]))
    return "\n\n".join(parts)


def _tables(found: list[Result], markdown: bool) -> list[tuple[str, list[tuple[str, ...]]]]:
    """For each task its rows, the head first; metrics that no row has are left out."""
    from tfrec.presets.measured import METRICS  # here, since it brings Keras along

    tables = []
    for task, names in METRICS.items():
        results = [result for result in found if result.task == task]
        shown = [name for name in names if any(name in result.metrics for result in results)]
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
            tables.append((task, [head, *(_cells(result, shown, markdown) for result in results)]))
    return tables


def _cells(result: Result, shown: list[str], markdown: bool) -> tuple[str, ...]:
    name = f"[`{result.preset}`]({result.card})" if markdown and result.preset else result.preset
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
        "; ".join(published if markdown else published[:1]) or _NOTHING,
        _NOTHING if result.megabytes is None else f"{result.megabytes:.1f}",
        _NOTHING if result.minutes is None else f"{result.minutes:.0f}",
        ", ".join(map(str, result.seeds)) or _NOTHING,
    )


def _number(result: Result, metric: str) -> str:
    if metric not in result.metrics:
        return _NOTHING
    spread = f" ± {result.deviations[metric]:.4f}" if metric in result.deviations else ""
    return f"{result.metrics[metric]:.4f}{spread}"
