"""What an approximate index may do: miss some of the best items, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfrec.serving.runtime import Call

Answer = Mapping[str, np.ndarray]


class Approximation(NamedTuple):
    """What is asked of the lists of an approximate search.

    Attributes:
        rescored: what the model says of the items that a call has found. They must have the model's scores, but need
            not be those that the model finds.
        recall: the share of the model's own lists that all of them together must hold.
        mask_seen: whether a history's own items are left out.
        withdrawn: raw ids that are never found.
        may_be_short: whether a list may be shorter than the model's: a tree of ScaNN cannot be asked for more.
    """

    rescored: Callable[[Call, Answer], Answer]
    recall: float
    mask_seen: bool = True
    withdrawn: Sequence[str] = ()
    may_be_short: bool = False

    def wrong(self, call: Call, expected: Answer, found: Answer) -> str | None:
        """What is wrong with the lists of a call, in words: an item twice or forbidden, or places left empty."""
        for row, (wanted, got) in enumerate(zip(_lists(expected), _lists(found), strict=True)):
            allow = set(_row(call, "allow", row))
            gone = {
                *self.withdrawn,
                *_row(call, "exclude", row),
                *(_row(call, "history", row) if self.mask_seen else ()),
            }
            bad = [item for item in got if item in gone or (allow and item not in allow)]
            if bad:
                return f"{call.signature} returned '{bad[0]}', which was seen, excluded, withdrawn or not allowed."
            if len(set(got)) < len(got):
                return f"{call.signature} returned an item twice: {got[:20]}."
            if len(got) < len(wanted) and not self.may_be_short:
                return f"{call.signature} found {len(got)} items where the model finds {len(wanted)}."
        return None


def overlap(expected: Answer, found: Answer) -> tuple[int, int]:
    """How many items of the expected lists were found, and how many there are."""
    pairs = list(zip(_lists(expected), _lists(found), strict=True))
    return sum(len(set(wanted) & set(got)) for wanted, got in pairs), sum(len(wanted) for wanted, _ in pairs)


def _lists(answer: Answer) -> list[list[str]]:
    return [[item for item in row if item != ""] for row in answer["item_ids"]]


def _row(call: Call, name: str, row: int) -> list[str]:
    rows = call.inputs.get(name) or [[]]
    return [item for item in rows[row % len(rows)] if item != ""]  # one row holds for all
