"""Evaluation reports, as a table and as JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tfrec import atomic


@dataclasses.dataclass(frozen=True)
class Report:
    """Metrics and the information needed to reproduce them. `str()` prints a table.

    Attributes:
        model: name of the evaluated model or baseline.
        metrics: "recall@10" and the like -> mean over users.
        num_users: number of evaluated users.
        num_items: number of items ranked per user.
        num_targets: distinct items held back for each user, summed over the users.
        unknown_targets: targets that are not in the vocabulary; they count as misses.
        seen_targets: targets that are in the user's history; they count as misses if seen items are masked.
        mask_seen: whether items of the history were left out of the ranking.
        data_sha256: hash of the targets' table, and of the history before it.
        seed: seed of the training run, or None.
        seconds: time the evaluation took.
        versions: versions of the libraries.
        machine: description of the machine.
        repeated_targets: held-back rows that repeat a target of the same user: they are merged with it.
        negatives: None if all items were ranked; else how the items were drawn among which the targets were ranked.
    """

    model: str
    metrics: dict[str, float]
    num_users: int
    num_items: int
    num_targets: int
    unknown_targets: int
    seen_targets: int
    mask_seen: bool
    data_sha256: dict[str, str]
    seed: int | None
    seconds: float
    versions: dict[str, str]
    machine: str
    repeated_targets: int = 0
    negatives: dict[str, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """The attributes as a JSON-compatible dict."""
        return dataclasses.asdict(self)

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, atomically."""
        atomic.write_text(Path(path), json.dumps(self.to_json(), indent=2) + "\n")

    @property
    def notes(self) -> list[str]:
        """Notes on how to read the metrics, one sentence each."""
        notes = []
        if self.negatives:
            notes.append(
                f"Targets were ranked among {self.negatives['count']:,} sampled items, not all {self.num_items:,}: "
                "compare only with numbers that were measured the same way."
            )
        if self.repeated_targets:
            notes.append(
                f"{self.repeated_targets:,} held-back rows repeat a target of the same user and are merged with it."
            )
        if self.unknown_targets:
            notes.append(f"{self.unknown_targets:,} targets are not in the vocabulary and count as misses.")
        if self.mask_seen and self.seen_targets:
            notes.append(
                f"{self.seen_targets:,} targets repeat an item of the history, which is masked: they count as misses "
                "(mask_seen=False, or --keep-seen, ranks them)."
            )
        return notes

    def __str__(self) -> str:
        return "\n".join([comparison([self]), *self.notes])


def comparison(reports: list[Report]) -> str:
    """Format several reports on the same data as one table, one row per model."""
    first = reports[0]
    names = list(first.metrics)
    width = max(len("model"), *(len(report.model) for report in reports))
    ranked = f"{first.num_items:,} items" if not first.negatives else f"targets and {first.negatives['count']:,} items"
    lines = [
        f"{first.num_users:,} users, {ranked} ranked for each" + (", seen items masked" if first.mask_seen else ""),
        f"{'model':<{width}}  " + "  ".join(f"{name:>12}" for name in names) + f"  {'seconds':>8}",
    ]
    for report in reports:
        cells = "  ".join(f"{report.metrics[name]:>12.4f}" for name in names)
        lines.append(f"{report.model:<{width}}  {cells}  {report.seconds:>8.1f}")
    return "\n".join(lines)
