"""Which of a user's other rows stand beside a labelled row, and what is read of them."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Iterable

from tfrec.errors import InputError

RULES = ("earlier", "others")


@dataclasses.dataclass(frozen=True)
class History:
    """What a ranking model is told of a user's past: events, which are training rows with a high enough label.

    A row never stands in its own history, and no label of a validation or test row stands in any. Rows of one user,
    item and time (without times, of one user and item) count as one row that is there twice.

    Rows without times count as being in time order: a training row has those above it in the table as its past, a row
    of validation or test all training rows of its user.

    Attributes:
        length: L, the newest events that are read.
        take: "earlier" takes events before the row's own time; "others" all other events of the user, as rating
            prediction on a random split may: its known ratings are known at any time.
        min_label: the least label of an event; None takes all rows.
        with_label: give the events' labels too, as "history_label".
        item_features: names of item features to give of each event, as "history_<name>".

    Example:
        >>> History(length=20, min_label=4).take
        'earlier'
    """

    length: int = 50
    take: str = "earlier"
    min_label: float | None = None
    with_label: bool = False
    item_features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.item_features, str) or not isinstance(self.item_features, Iterable):
            raise InputError(f"The item_features of a history are a list of names, got {self.item_features!r}.")
        object.__setattr__(self, "item_features", tuple(self.item_features))
        if not isinstance(self.length, int) or isinstance(self.length, bool) or self.length < 1:
            raise InputError(f"The length of a history is a positive integer, got {self.length!r}.")
        least = self.min_label
        if least is not None and (
            isinstance(least, bool) or not isinstance(least, numbers.Real) or not math.isfinite(least)
        ):
            raise InputError(f"The min_label of a history is a finite number or None, got {least!r}.")
        if not isinstance(self.with_label, bool):
            raise InputError(f"The with_label of a history is true or false, got {self.with_label!r}.")
        if not all(isinstance(name, str) for name in self.item_features):
            raise InputError(f"The item_features of a history are names of columns, got {self.item_features!r}.")
        if self.take not in RULES:
            raise InputError(f"A history takes one of {', '.join(RULES)} events, got {self.take!r}.")
