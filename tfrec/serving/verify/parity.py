"""Parity: before a version becomes visible, the export must give the same answers as the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from tfrec.data import FeatureSpec
from tfrec.inference import recommendations
from tfrec.models import RetrievalModel
from tfrec.reserved_ids import PADDING_ID, RESERVED_IDS
from tfrec.serving.runtime import Call, ReplayError, replay
from tfrec.serving.verify.approximation import Answer, Approximation, overlap

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


class Parity(NamedTuple):
    """The result of an export that passed.

    Attributes:
        answers: its answers to the calls.
        difference: largest difference between a number of the export and of the model.
        recall: share of the items in the model's lists that it found; 1 unless the index is approximate.
    """

    answers: list[Answer]
    difference: float
    recall: float


def check(
    export: Path,
    calls: Sequence[Call],
    expected: Sequence[Answer],
    runtime: str = "tensorflow",
    approximation: Approximation | None = None,
    also: Sequence[Call] = (),
    tolerance: float = TOLERANCE,
) -> Parity:
    """Replay calls in a fresh process that cannot import tfrec and keras, and compare the answers with the model's.

    Args:
        export: the folder of a SavedModel.
        calls: the requests.
        expected: the answers of the model.
        runtime: see `tfrec.serving.runtime.replay`.
        approximation: requirements if the index is approximate.
        also: further calls that must be answered but are not compared: the warm-up requests.
        tolerance: allowed difference of numbers; relative for numbers above 1.

    Raises:
        ParityError: if a list or a number differs by more than floating-point noise, or the recall is too low.
    """
    try:
        found = replay(export, [*calls, *also], runtime)[: len(calls)]
    except ReplayError as error:
        raise ParityError(str(error)) from error
    worst, hits, of = 0.0, 0, 0
    for number, (call, wanted, got) in enumerate(zip(calls, expected, found, strict=True), 1):
        if approximation and "item_ids" in got and "history" in call.inputs:
            if wrong := approximation.wrong(call, wanted, got):
                raise ParityError(wrong, call, wanted, got).of_call(number, len(calls))
            those, all_of_them = overlap(wanted, got)
            hits, of = hits + those, of + all_of_them
            wanted = approximation.rescored(call, got)
        try:
            worst = max(worst, compare(call, wanted, got, tolerance))
        except ParityError as error:
            raise error.of_call(number, len(calls)) from None
    if approximation and hits < approximation.recall * of:
        raise ParityError(
            f"The export finds {hits / of:.0%} of the items that the model finds, expected {approximation.recall:.0%}. "
            "Set a higher recall, or use the exact index."
        )
    return Parity(found, worst, round(hits / of, 4) if of else 1.0)


def expected_answers(
    model: RetrievalModel,
    spec: FeatureSpec,
    calls: Sequence[Call],
    k: int,
    mask_seen: bool = True,
    withdrawn: Sequence[str] = (),
) -> list[Answer]:
    """The model's own answers to calls, without the withdrawn items."""
    return [_expected(model, spec, call, k, mask_seen, list(withdrawn)) for call in calls]


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


def rescored(model: RetrievalModel, spec: FeatureSpec, call: Call, found: Answer) -> Answer:
    """The model's scores of the items that an export has found, in the model's order."""
    asked = with_history_for_each(call.inputs)
    scores = recommendations.score(
        model, spec, asked["history"], found["item_ids"], asked.get("timestamps"), asked.get("user_id")
    )
    order = np.argsort(-scores, axis=1, kind="stable")
    return {
        "item_ids": np.take_along_axis(found["item_ids"], order, axis=1),
        "scores": np.take_along_axis(scores, order, axis=1),
    }


def _expected(model: RetrievalModel, spec: FeatureSpec, call: Call, k: int, mask_seen: bool, withdrawn: list) -> Answer:
    given = with_history_for_each(call.inputs)
    users = given.pop("user_id", None)
    if call.signature == "score":
        stamps = given.get("timestamps")
        return {"scores": recommendations.score(model, spec, given["history"], given["item_ids"], stamps, users)}
    if call.signature == "embed_users":
        _, inputs = recommendations.read_histories(model, spec, given["history"], given.get("timestamps"), users)
        vectors = keras.ops.convert_to_numpy(model.embed(inputs))
        some = recommendations.is_known(model, inputs).reshape((-1,) + (1,) * (vectors.ndim - 1))
        return {"vectors": np.where(some, vectors, 0)}
    if call.signature == "embed_items":
        ids = spec.items.encode(given["item_ids"])
        table = keras.ops.convert_to_numpy(model.item_table()).astype(np.float32)
        return {"vectors": np.where(ids[:, None] >= RESERVED_IDS, table[ids], 0)}
    if call.signature == "similar_items":
        ids = spec.items.encode(given["item_ids"])
        near, scores = _similar(model, ids, k, spec.items.encode(withdrawn))
        known = ids[:, None] >= RESERVED_IDS
        near, scores = np.where(known, near, PADDING_ID), np.where(known, scores, -np.inf)
        return {"item_ids": _texts([spec.items.decode(row) for row in near]), "scores": scores}
    history = given.pop("history")
    given["exclude"] = [[*row, *withdrawn] for row in given.get("exclude", [[]] * len(history))]
    ids, scores = recommendations.recommend(model, spec, history, k, mask_seen=mask_seen, users=users, **given)
    return {"item_ids": _texts(ids), "scores": scores}


def with_history_for_each(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of a call in which each user has a history: one row of it may stand for all users."""
    rows = len(inputs.get("user_id", ()))
    beside = ("history", "timestamps", "history_labels")
    return {name: of * rows if name in beside and len(of) == 1 < rows else of for name, of in inputs.items()}


def _similar(model: RetrievalModel, ids: np.ndarray, k: int, withdrawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`model.similar` without withdrawn items."""
    wide = min(k + len(withdrawn), model.item_table().shape[0] - RESERVED_IDS)
    near, scores = (keras.ops.convert_to_numpy(one) for one in model.similar(ids, wide))
    scores = np.where(np.isin(near, withdrawn), -np.inf, scores)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    near, scores = np.take_along_axis(near, order, axis=1), np.take_along_axis(scores, order, axis=1)
    return np.where(np.isneginf(scores), 0, near), scores


def _texts(rows: list[list[str]]) -> np.ndarray:
    return np.array(rows, dtype=object)


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
