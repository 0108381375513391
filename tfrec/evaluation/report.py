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
        unknown_users: evaluated users that the model does not know: those outside the user vocabulary of a model that
            reads user ids, and else those without a known item in their history.
        drawn_from: number of users with targets if `num_users` of them were drawn at random; None if all were
            evaluated.
        relevant: for labelled rows: the lowest label of a target; None if every held-back item is a target.
        list_length: for served lists: their length; targets behind it count as misses.
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
    unknown_users: int = 0
    drawn_from: int | None = None
    relevant: float | None = None
    list_length: int | None = None

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
        if self.relevant is not None:
            notes.append(f"Targets are the held-back items with a label of at least {self.relevant:g}.")
        if self.drawn_from:
            notes.append(f"{self.num_users:,} of {self.drawn_from:,} users were drawn at random.")
        if self.list_length and any(int(name.partition("@")[2]) > self.list_length for name in self.metrics):
            notes.append(f"The export serves {self.list_length:,} items: targets below them count as misses.")
        if self.unknown_users:
            notes.append(
                f"{self.unknown_users:,} of {self.num_users:,} users are unknown to the model: the training data has "
                "no rows of them or, for models that read only histories, no items of their histories."
            )
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
