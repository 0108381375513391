"""`tfrec list`: what stands on the zoo's shelf, and what it reaches."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfrec.presets import Result

_HEAD = ("preset", "model", "loss", "data", "Recall@10", "NDCG@10", "published", "MB", "minutes", "seed")
_NOTHING = "-"
_PAGE = """# The zoo

<!-- Written by `make zoo` from the metrics.json, seeds.json and shelf.toml of the presets: change those, not this. -->

What each preset reaches on the test items. Leave-one-out: a user's last item is the test, the one before it the
validation; the whole catalogue is ranked, seen items are masked, all users count. Epochs and weights are chosen on the
validation items.

{table}

- **Recall@10, NDCG@10**: of the run whose seed is given; of several seeds the mean ± sample standard deviation, and the
  weights of the first. popularity and item-to-item are baselines that learn nothing.
- **published**: Recall@10 / NDCG@10 as others report them for the same model and loss on the same data.
- **MB**: of the weights. **minutes**: of training; the machine stands in the preset's metrics.json.

`tfrec list` prints this table; each preset's card says what it is, where it comes from and where it fails.
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
    rows = [_HEAD, ("---",) * len(_HEAD), *(_cells(result, markdown=True) for result in found)]
    return _PAGE.format(table="\n".join(f"| {' | '.join(row)} |" for row in rows))


def _aligned(found: list[Result]) -> str:
    rows = [_HEAD, *(_cells(result, markdown=False) for result in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(result: Result, markdown: bool) -> tuple[str, ...]:
    name = f"[`{result.preset}`]({result.card})" if markdown and result.preset else result.preset
    published = [
        f"{entry.metrics['recall@10']:.4f} / {entry.metrics['ndcg@10']:.4f} ({entry.source})"
        for entry in result.published
    ]
    return (
        name or _NOTHING,
        result.model,
        result.loss or _NOTHING,
        result.data,
        *(
            f"{result.metrics[metric]:.4f}"
            + (f" ± {result.deviations[metric]:.4f}" if metric in result.deviations else "")
            for metric in ("recall@10", "ndcg@10")
        ),
        "; ".join(published if markdown else published[:1]) or _NOTHING,
        _NOTHING if result.megabytes is None else f"{result.megabytes:.1f}",
        _NOTHING if result.minutes is None else f"{result.minutes:.0f}",
        ", ".join(map(str, result.seeds)) or _NOTHING,
    )
