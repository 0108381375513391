"""Checks of an approximate index, which may miss some of the best items but must be right otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfrec.serving.runtime import Call

Answer = Mapping[str, np.ndarray]


class Approximation(NamedTuple):
    """Requirements on the lists of an approximate search.

    Attributes:
        rescored: returns the model's scores of the found items. The export must give the same scores, but may find
            other items than the model.
        recall: share of the items in the model's lists that must be found, over all calls.
        mask_seen: whether items of the history are excluded.
        withdrawn: raw ids that are never returned.
        may_be_short: whether lists may be shorter than the model's, as with ScaNN's tree.
    """

    rescored: Callable[[Call, Answer], Answer]
    recall: float
    mask_seen: bool = True
    withdrawn: Sequence[str] = ()
    may_be_short: bool = False

    def wrong(self, call: Call, expected: Answer, found: Answer) -> str | None:
        """The first error in the lists of a call: a repeated or forbidden item, or too few items; or None."""
        for row, (wanted, got) in enumerate(zip(_lists(expected), _lists(found), strict=True)):
            allow = set(_row(call, "allow", row))
            excluded = {
                *self.withdrawn,
                *_row(call, "exclude", row),
                *(_row(call, "history", row) if self.mask_seen else ()),
            }
            bad = [item for item in got if item in excluded or (allow and item not in allow)]
            if bad:
                return f"{call.signature} returned '{bad[0]}', which was seen, excluded, withdrawn or not allowed."
            if len(set(got)) < len(got):
                return f"{call.signature} returned an item twice: {got[:20]}."
            if len(got) < len(wanted) and not self.may_be_short:
                return f"{call.signature} found {len(got)} items where the model finds {len(wanted)}."
        return None


def overlap(expected: Answer, found: Answer) -> tuple[int, int]:
    """The number of found items of the expected lists, and the number of expected items."""
    pairs = list(zip(_lists(expected), _lists(found), strict=True))
    return sum(len(set(wanted) & set(got)) for wanted, got in pairs), sum(len(wanted) for wanted, _ in pairs)


def _lists(answer: Answer) -> list[list[str]]:
    return [[item for item in row if item != ""] for row in answer["item_ids"]]


def _row(call: Call, name: str, row: int) -> list[str]:
    rows = call.inputs.get(name) or [[]]
    return [item for item in rows[row % len(rows)] if item != ""]  # a single row applies to all
