"""Which rows of a user form the history of a labelled row, and what a model reads of them."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Iterable

from tfrec.errors import InputError

RULES = ("earlier", "all")


def rule_name(take: object) -> object:
    """The name of a rule; the old name "others" of "all" is still accepted."""
    return "all" if take == "others" else take


@dataclasses.dataclass(frozen=True)
class History:
    """The history that a ranking model reads: events, which are training rows of the user with a high enough label.

    A row is never part of its own history, and no history holds a label of a validation or test row. Rows with the same
    user, item and time (without times, the same user and item) count as duplicates of one row.

    Without times, rows count as being in time order: the history of a training row holds the user's rows above it, that
    of a validation or test row all training rows of its user.

    Attributes:
        length: L, the maximum number of events; the newest are kept.
        take: "earlier" takes events before the time of the row; "all" takes all events of the user except the row
            itself, for rating prediction on a random split, where known ratings may be later than the row.
        min_label: the smallest label of an event; None takes all rows.
        with_label: whether to add the labels of the events, as "history_label".
        item_features: names of item features to add for each event, as "history_<name>".

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
            raise InputError(f"The item_features of a history must be a list of names, got {self.item_features!r}.")
        object.__setattr__(self, "item_features", tuple(self.item_features))
        if not isinstance(self.length, int) or isinstance(self.length, bool) or self.length < 1:
            raise InputError(f"The length of a history must be a positive integer, got {self.length!r}.")
        least = self.min_label
        if least is not None and (
            isinstance(least, bool) or not isinstance(least, numbers.Real) or not math.isfinite(least)
        ):
            raise InputError(f"The min_label of a history must be a finite number or None, got {least!r}.")
        if not isinstance(self.with_label, bool):
            raise InputError(f"The with_label of a history must be true or false, got {self.with_label!r}.")
        if not all(isinstance(name, str) for name in self.item_features):
            raise InputError(f"The item_features of a history must be column names, got {self.item_features!r}.")
        object.__setattr__(self, "take", rule_name(self.take))
        if self.take not in RULES:
            raise InputError(f"The take of a history must be one of {', '.join(RULES)}, got {self.take!r}.")
