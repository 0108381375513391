"""Compare an answer of an export with that of its model: they differ by floating-point noise only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfrec.serving.runtime import Call
from tfrec.serving.verify.approximation import Answer

TOLERANCE = 1e-4


class ParityError(RuntimeError):
    """The export and its model give different answers.

    Attributes:
        call: the request that failed, or None if the error does not belong to one request.
        expected: the model's answer to it, or None.
        found: the export's answer to it, or None.
        row: the first row of the request that differs, or None.
        kept: the folder where `keep_rejected` keeps the export, or None.
    """

    def __init__(
        self,
        text: str,
        call: Call | None = None,
        expected: Answer | None = None,
        found: Answer | None = None,
        row: int | None = None,
    ) -> None:
        super().__init__(text)
        self.call, self.expected, self.found, self.row = call, expected, found, row
        self.kept: Path | None = None

    def of_call(self, number: int, total: int) -> ParityError:
        """The same error, with the number of the call in its text."""
        text = f"Call {number} of {total}: {self}"
        return type(self)(text, self.call, self.expected, self.found, self.row)


def compare(call: Call, expected: Answer, found: Answer, tolerance: float = TOLERANCE) -> float:
    """The largest difference between two answers; raises `ParityError` if it exceeds floating-point noise.

    Lists may differ in the order of items whose scores are equal within the tolerance.
    """
    if expected.keys() != found.keys():
        raise ParityError(
            f"{call.signature} answers {sorted(found)}, expected {sorted(expected)}.", call, expected, found
        )
    worst = 0.0
    for name in sorted(expected.keys() - {"item_ids"}):
        worst = max(worst, _compare_numbers(name, call, expected, found, tolerance))
    if "item_ids" in expected:
        _compare_lists(call, expected, found, tolerance)
    return worst


def _compare_numbers(name: str, call: Call, expected: Answer, found: Answer, tolerance: float) -> float:
    """The largest difference of a numeric output."""
    wanted, got = np.asarray(expected[name], np.float32), np.asarray(found[name], np.float32)
    if got.shape != wanted.shape:
        text = f"{call.signature} gives {name} of shape {got.shape}, the model {wanted.shape}."
        raise ParityError(text, call, expected, found)
    finite = np.isfinite(wanted)
    allowed = tolerance * max(1.0, float(np.abs(wanted[finite]).max(initial=0)))
    with np.errstate(invalid="ignore"):
        apart = np.where(finite & np.isfinite(got), np.abs(got - wanted), 0)
    apart = np.where(np.isfinite(got) != finite, np.inf, apart)
    worst = float(apart.max(initial=0))
    if worst > allowed:
        at = tuple(int(place) for place in np.unravel_index(int(apart.argmax()), apart.shape))
        raise ParityError(
            f"The {name} of {call.signature} differ from the model's by {worst:.2g}, at most {allowed:.2g} is allowed: "
            f"row {at[0]}{_shown(call, at[0])} has {got[at]:.7g} at index {list(at[1:])}, expected {wanted[at]:.7g}.",
            *(call, expected, found, at[0]),
        )
    return worst


def _compare_lists(call: Call, expected: Answer, found: Answer, tolerance: float) -> None:
    if np.shape(found["item_ids"]) != np.shape(expected["item_ids"]):
        text = f"{call.signature} gives lists of shape {np.shape(found['item_ids'])}, the model "
        raise ParityError(f"{text}{np.shape(expected['item_ids'])}.", call, expected, found)
    rows = zip(expected["item_ids"], found["item_ids"], expected["scores"], strict=True)
    for row, (wanted, got, scores) in enumerate(rows):
        if not _same_order(list(wanted), list(got), scores, tolerance):
            raise ParityError(
                f"{call.signature} ranks items differently from the model, and not only items whose scores are within "
                f"{tolerance:.2g}: row {row}{_shown(call, row)} has {list(got[:5])}, expected {list(wanted[:5])} with "
                f"the scores {[round(float(one), 5) for one in scores[:5]]}.",
                *(call, expected, found, row),
            )


def _shown(call: Call, row: int) -> str:
    """The first input of a row, shortened."""
    first = next(iter(call.inputs.values()))
    values = first[row % len(first)] if len(first) else None
    some = [one for one in values if one != ""] if isinstance(values, list) else values
    return f", with input {some[-5:] if isinstance(some, list) else some!r},"


def _same_order(expected: list[str], found: list[str], scores: np.ndarray, tolerance: float) -> bool:
    """Whether lists are equal, except for the order of items with equal scores within the tolerance."""
    for place, (left, right) in enumerate(zip(expected, found, strict=True)):
        if left == right:
            continue
        tied = np.isclose(scores, scores[place], rtol=tolerance, atol=tolerance)
        at_end = bool(tied[-1])  # the item may be tied with items after the end of the list
        if not at_end and right not in {expected[other] for other in np.flatnonzero(tied)}:
            return False
    return True
