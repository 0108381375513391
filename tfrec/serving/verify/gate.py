"""The gate: an export becomes visible only if it gives the same answers as the model.

The steps: `samples` creates random requests, `model_answers` computes the model's answers, `runtime.replay` gets the
export's answers in a fresh process, and `parity` compares them (`approximation` for an approximate index). `rejected`
explains a rejected export, and keeps it if the user wants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfrec.index_kinds import index_kind
from tfrec.serving.export_options import ExportOptions
from tfrec.serving.files import recorded_answers, warmup
from tfrec.serving.runtime import Call, ReplayError, replay
from tfrec.serving.verify.approximation import Answer, Approximation, overlap
from tfrec.serving.verify.parity import TOLERANCE, ParityError, compare

# Value of `verify` -> the runtimes that replay the calls.
RUNTIMES = {"tensorflow": ("tensorflow",), "runtime": ("c",), "both": ("tensorflow", "c")}


class Passed(NamedTuple):
    """The result of an export that passed.

    Attributes:
        answers: its answers to the calls.
        difference: largest difference between a number of the export and of the model.
        recall: share of the items in the model's lists that it found; 1 unless the index is approximate.
    """

    answers: list[Answer]
    difference: float
    recall: float


def pass_gate(
    new: Path,
    calls: Sequence[Call],
    expected: Sequence[Answer],
    options: ExportOptions,
    rescored: Callable[[Call, Answer], Answer],
    tolerance: float = TOLERANCE,
) -> dict[str, Any]:
    """Replay all calls in each runtime, compare the answers, and store them in the export for `tfrec serve-check`.

    Args:
        new: the folder of the SavedModel.
        calls: the requests.
        expected: the model's answers.
        options: of the export: runtimes, index, recall, withdrawn items.
        rescored: gives the model's scores of the items that an approximate index has found.
        tolerance: allowed difference of numbers; relative for numbers above 1.

    Returns:
        a summary for the manifest.

    Raises:
        ParityError: if an answer differs; `tfrec.serving.verify.parity` compares them.
    """
    approximation, kind = None, index_kind(options.index)
    if kind.needs_queries:
        # Random histories are harder than those of real users, so half of the recall is enough here.
        least = options.recall / 2
        approximation = Approximation(rescored, least, options.mask_seen, options.withdrawn, kind.may_be_short)
    each = [
        check(new, calls, expected, runtime, approximation, warmup.read(new), tolerance)
        for runtime in RUNTIMES[options.verify]
    ]
    recorded_answers.write(new, calls, each[-1].answers)
    return {
        "calls": len(calls),
        "rows": sum(len(next(iter(call.inputs.values()))) for call in calls),
        "largest_difference": max(one.difference for one in each),
        "recall": min(one.recall for one in each),
        "by": options.verify,
    }


def check(
    export: Path,
    calls: Sequence[Call],
    expected: Sequence[Answer],
    runtime: str = "tensorflow",
    approximation: Approximation | None = None,
    also: Sequence[Call] = (),
    tolerance: float = TOLERANCE,
) -> Passed:
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
    return Passed(found, worst, round(hits / of, 4) if of else 1.0)
