"""What happened to the rows of a table on their way in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from tfrec.terminal import printable


@dataclasses.dataclass(frozen=True)
class CleaningReport:
    """Rows read, rows dropped with their cause, rows kept. `str()` gives it as a table.

    Attributes:
        rows_read: rows of the source.
        dropped: cause -> rows, in the order in which the causes were applied; causes that dropped nothing are absent.
        num_users: distinct users of what is kept.
        num_items: distinct items of what is kept.
        notes: other things worth knowing, a sentence each.
    """

    rows_read: int
    dropped: dict[str, int]
    num_users: int
    num_items: int
    notes: tuple[str, ...] = ()

    @property
    def rows_kept(self) -> int:
        """Rows read less rows dropped."""
        return self.rows_read - sum(self.dropped.values())

    def with_notes(self, notes: Iterable[str]) -> CleaningReport:
        """The same with further notes before its own."""
        return dataclasses.replace(self, notes=(*notes, *self.notes))

    def __str__(self) -> str:
        rows = [("rows read", self.rows_read)]
        rows += [(f"  dropped: {printable(cause)}", count) for cause, count in self.dropped.items()]
        rows += [("rows kept", self.rows_kept), ("users", self.num_users), ("items", self.num_items)]
        width = max(len(label) for label, _ in rows)
        lines = [f"{label:<{width}}  {count:>12,}" for label, count in rows]
        return "\n".join([*lines, *(f"note: {printable(note)}" for note in self.notes)])
