"""Everything that makes a version folder fit to be served, looked at once more where it lies."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from tfrec.errors import InputError
from tfrec.index_kinds import INDEX_KINDS
from tfrec.serving.files import export_manifest, recorded_answers, saved_model, tensorflow_versions, warmup
from tfrec.serving.runtime import Call, ReplayError, ReplayTimeout, fuzz, replay, time_calls
from tfrec.serving.verify import operations, parity

TIMEOUT = 900.0  # seconds; 2,000 requests to a catalogue of a million items take a few minutes


class Check(NamedTuple):
    """A line of the table.

    Attributes:
        name: what was looked at.
        passed: whether it was as it must be.
        seen: what was seen, in words.
        warning: whether it passed and needs attention all the same.
    """

    name: str
    passed: bool
    seen: str
    warning: bool = False


def serve_check(version: str | Path, requests: int = 2_000, seed: int = 0, timeout: float = TIMEOUT) -> list[Check]:
    """Check a version folder: files, signatures, operations, versions, answers, warm-up, fuzzing, latency.

    Nothing but the folder is needed: an export carries the calls that it was held against, and their answers. The first
    three checks read files and run nothing. Only where all of them pass is the graph loaded, in a process of its own,
    so a folder from an unknown source can be checked before anything of it runs. They refuse operations that the stock
    server lacks or that could touch other files than the export's own, whatever the manifest says.

    Answers come from the Python package and from the C runtime of the installed TensorFlow. If it is older than the
    TensorFlow that wrote the export, the line "TensorFlow" is a warning.

    Args:
        version: what `export` returned, or a copy of it.
        requests: how many random requests it must survive.
        seed: of these.
        timeout: seconds in which all checks together must be done; what still runs then is killed. No graph can be
            known to end.

    Returns:
        a line for each check. The last line is the first of files, signatures and operations that failed, or the
        check at which the time was over.

    Raises:
        InputError: where there is no export, or an argument cannot be used.

    Example:
        ```python
        failed = [check for check in serve_check("served/films/1") if not check.passed]
        ```
    """
    export = Path(version)
    if not 0 < timeout < math.inf:
        raise InputError(f"timeout is a finite number of seconds above 0, got {timeout}.")
    if requests < 0 or seed < 0:
        raise InputError(f"requests and seed are at least 0, got {requests} and {seed}.")
    if not (export / "saved_model.pb").is_file():
        raise InputError(
            f"{export} has no saved_model.pb. Name a version folder that tfrec has exported: served/films/1."
        )
    checks: list[Check] = []
    said: dict[str, Any] = {}
    stop = time.monotonic() + timeout

    def left() -> float:
        return max(0.001, stop - time.monotonic())

    def look(name: str, at: Callable[[], str | tuple[str, bool]]) -> bool:
        """Add a line; whether the checks may go on."""
        try:
            seen = at()
            checks.append(Check(name, True, *((seen,) if isinstance(seen, str) else seen)))
        except Exception as error:  # whatever is in a folder, reading it must end in a line of the table
            known = isinstance(error, (InputError, ReplayError, parity.ParityError))
            text = str(error) if known else f"it cannot be checked: {error!r}"
            checks.append(Check(name, False, " ".join(text.split())))
            return not isinstance(error, ReplayTimeout)
        return True

    def files() -> str:
        said.update(export_manifest.read(export))
        return _files(said)

    # Nothing is loaded before these have passed.
    for name, at in (
        ("files", files),
        ("signatures", lambda: _signatures(export, said)),
        ("operations", lambda: _operations(export, said)),
    ):
        look(name, at)
        if not checks[-1].passed:
            return checks
    look("TensorFlow", lambda: _versions(export))
    if not look("answers", lambda: _answers(export, "tensorflow", left())):
        return checks
    # What takes longest is to load the export: its own calls and the warm-up share a process, if nothing is wrong.
    if not look("answers, C runtime", lambda: _answers(export, "c", left(), also=warmup.read(export))):
        return checks
    if not (together := checks[-1].passed):
        checks.pop()
        if not look("answers, C runtime", lambda: _answers(export, "c", left())):
            return checks
    for name, at in (
        ("warm-up", lambda: _warm_up(export, together, left())),
        ("fuzzing", lambda: _fuzzing(export, requests, seed, said, left())),
        ("latency", lambda: _latency(export, left())),
    ):
        if not look(name, at):
            break
    return checks


def _files(said: dict[str, Any]) -> str:
    size = sum(one["bytes"] for one in said["files"].values())
    stages = [said, *([said["ranking"]] if "ranking" in said else [])]
    models = ", then ".join(f"{one['model']} '{one['preset']}'" for one in stages)
    return f"{len(said['files'])} as exported, {size / 1e6:.1f} MB; {models}"


def _signatures(export: Path, said: dict[str, Any]) -> str:
    found = export_manifest.signatures_of(export)
    if found != said["signatures"]:
        names = {*found, *said["signatures"]}
        other = sorted(name for name in names if found.get(name) != said["signatures"].get(name))
        raise InputError(f"{', '.join(other)} of the graph are not what the manifest has. Export again.")
    if "serving_default" not in found:
        raise InputError("There is no serving_default, which every export of tfrec has. Export again.")
    return ", ".join(sorted(found))


def _operations(export: Path, said: dict[str, Any]) -> str:
    named = said.get("index", {}).get("kind")
    asked_for = next((kind.operations for kind in INDEX_KINDS.values() if kind.name == named), frozenset())
    ops = operations.check(export, asked_for)
    foreign = sorted(asked_for & set(ops))
    return f"{len(ops)} kinds, " + (
        f"NOT of the stock server: {', '.join(foreign)}" if foreign else "all of the stock server"
    )


def _versions(export: Path) -> tuple[str, bool]:
    return tensorflow_versions.compared(saved_model.written_by(export), tf.__version__)


def _answers(export: Path, runtime: str, timeout: float, also: Sequence[Call] = ()) -> str:
    calls, expected = recorded_answers.read(export)
    answers = replay(export, [*calls, *also], runtime, timeout)[: len(calls)]
    worst = 0.0
    for call, wanted, found in zip(calls, expected, answers, strict=True):
        worst = max(worst, parity.compare(call, wanted, found))
    return f"{len(calls)} calls of {sum(len(_first(call)) for call in calls)} rows, largest difference {worst:.1g}"


def _warm_up(export: Path, answered: bool, timeout: float) -> str:
    calls = warmup.read(export)
    if not calls or len(calls) > warmup.LIMIT:
        raise InputError(f"{len(calls)} records, expected 1 to {warmup.LIMIT}.")
    if not answered:
        replay(export, calls, "c", timeout)
    return f"{len(calls)} records of {len({call.signature for call in calls})} signatures, all answered"


def _fuzzing(export: Path, requests: int, seed: int, said: dict[str, Any], timeout: float) -> str:
    seen = fuzz(export, requests, seed, said["mask_seen"], timeout)
    return f"{seen['answered']:,} requests answered, {seen['refused']:,} refused, {seen['ids']:,} ids"


def _latency(export: Path, timeout: float) -> str:
    calls, _ = recorded_answers.read(export)
    # The first call has the edge cases.
    call = next((call for call in calls[1:] if call.signature == "serving_default"), calls[0])
    ones = [
        Call(call.signature, {name: [rows[row]] for name, rows in call.inputs.items()})
        for row in range(len(_first(call)))
    ]
    took = sorted(time_calls(export, ones, repeat=4, timeout=timeout))
    p99 = took[min(len(took) - 1, round(0.99 * len(took)))]
    return f"batch 1 on one thread: median {1e3 * statistics.median(took):.2f} ms, p99 {1e3 * p99:.2f} ms"


def _first(call: Call) -> list:
    return next(iter(call.inputs.values()))
