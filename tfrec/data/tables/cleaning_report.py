"""The report of cleaning a table: rows read, dropped and kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from tfrec.terminal import printable


@dataclasses.dataclass(frozen=True)
class CleaningReport:
    """Rows read, rows dropped by cause, and rows kept. `str()` formats it as a table.

    Attributes:
        rows_read: rows of the source.
        dropped: cause -> rows, in the order in which causes were applied; causes without rows are absent.
        num_users: distinct users of the kept rows.
        num_items: distinct items of the kept rows.
        notes: further notes, one sentence each.
    """

    rows_read: int
    dropped: dict[str, int]
    num_users: int
    num_items: int
    notes: tuple[str, ...] = ()

    @property
    def rows_kept(self) -> int:
        """Rows read minus rows dropped."""
        return self.rows_read - sum(self.dropped.values())

    def with_notes(self, notes: Iterable[str]) -> CleaningReport:
        """A copy with further notes in front."""
        return dataclasses.replace(self, notes=(*notes, *self.notes))

    def __str__(self) -> str:
        rows = [("rows read", self.rows_read)]
        rows += [(f"  dropped: {printable(cause)}", count) for cause, count in self.dropped.items()]
        rows += [("rows kept", self.rows_kept), ("users", self.num_users), ("items", self.num_items)]
        width = max(len(label) for label, _ in rows)
        lines = [f"{label:<{width}}  {count:>12,}" for label, count in rows]
        return "\n".join([*lines, *(f"note: {printable(note)}" for note in self.notes)])
