"""`serve_check`: check an exported version folder before it is served."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from tfrec.errors import InputError
from tfrec.serving.files import export_manifest, recorded_answers, saved_model, tensorflow_versions, warmup
from tfrec.serving.runtime import Call, ReplayError, ReplayTimeout, fuzz, replay, time_calls
from tfrec.serving.verify import index_operations, operations, parity

TIMEOUT = 900.0  # seconds; 2,000 requests to a catalogue of a million items take a few minutes


class Check(NamedTuple):
    """One check of `serve_check`.

    Attributes:
        name: what was checked.
        passed: whether the check passed.
        seen: the result as a sentence.
        warning: whether it passed but needs attention.
    """

    name: str
    passed: bool
    seen: str
    warning: bool = False


def serve_check(version: str | Path, requests: int = 2_000, seed: int = 0, timeout: float = TIMEOUT) -> list[Check]:
    """Check a version folder: files, signatures, operations, versions, answers, warm-up, fuzzing, latency.

    Only the folder is needed: it contains the calls that the export was verified with, and their answers. The first
    three checks only read files. They refuse operations that the stock server lacks or that could access files outside
    the export, even if the manifest lists them. If all three pass, the graph is loaded in a separate process. So a
    folder from an unknown source is safe to check.

    Answers come from the Python package and from the C runtime of the installed TensorFlow. If it is older than the
    TensorFlow that wrote the export, the check "TensorFlow" is a warning.

    Args:
        version: the folder that `export` returned, or a copy of it.
        requests: number of random requests.
        seed: seed of the requests.
        timeout: time limit in seconds for all checks together; a check that still runs is killed, because a graph may
            never end.

    Returns:
        the checks in order. The list ends early if files, signatures or operations fail, or the time is over.

    Raises:
        InputError: if the folder is not an export, or an argument is invalid.

    Example:
        ```python
        failed = [check for check in serve_check("served/films/1") if not check.passed]
        ```
    """
    export = Path(version)
    if not 0 < timeout < math.inf:
        raise InputError(f"timeout must be a finite number of seconds above 0, got {timeout}.")
    if requests < 0 or seed < 0:
        raise InputError(f"requests and seed must be at least 0, got {requests} and {seed}.")
    if not (export / "saved_model.pb").is_file():
        raise InputError(
            f"{export} has no saved_model.pb. Name a version folder that tfrec has exported, such as served/films/1."
        )
    checks: list[Check] = []
    manifest: dict[str, Any] = {}
    stop = time.monotonic() + timeout

    def left() -> float:
        return max(0.001, stop - time.monotonic())

    def look(name: str, at: Callable[[], str | tuple[str, bool]]) -> bool:
        """Run one check; returns whether the checks may go on."""
        try:
            seen = at()
            checks.append(Check(name, True, *((seen,) if isinstance(seen, str) else seen)))
        except Exception as error:  # any content of the folder must end in a line of the table
            known = isinstance(error, (InputError, ReplayError, parity.ParityError))
            text = str(error) if known else f"it cannot be checked: {error!r}"
            checks.append(Check(name, False, " ".join(text.split())))
            return not isinstance(error, ReplayTimeout)
        return True

    def files() -> str:
        manifest.update(export_manifest.read(export))
        return _files(manifest)

    # Nothing is loaded before these checks have passed.
    for name, at in (
        ("files", files),
        ("signatures", lambda: _signatures(export, manifest)),
        ("operations", lambda: _operations(export, manifest)),
    ):
        look(name, at)
        if not checks[-1].passed:
            return checks
    look("TensorFlow", lambda: _versions(export))
    if not look("answers", lambda: _answers(export, "tensorflow", left())):
        return checks
    # Loading the export takes the longest, so its calls and the warm-up requests share a process if all is well.
    if not look("answers, C runtime", lambda: _answers(export, "c", left(), also=warmup.read(export))):
        return checks
    if not (together := checks[-1].passed):
        checks.pop()
        if not look("answers, C runtime", lambda: _answers(export, "c", left())):
            return checks
    for name, at in (
        ("warm-up", lambda: _warm_up(export, together, left())),
        ("fuzzing", lambda: _fuzzing(export, requests, seed, manifest, left())),
        ("latency", lambda: _latency(export, left())),
    ):
        if not look(name, at):
            break
    return checks


def _files(manifest: dict[str, Any]) -> str:
    size = sum(one["bytes"] for one in manifest["files"].values())
    stages = [manifest, *([manifest["ranking"]] if "ranking" in manifest else [])]
    models = ", then ".join(f"{one['model']} '{one['preset']}'" for one in stages)
    return f"{len(manifest['files'])} files unchanged, {size / 1e6:.1f} MB; {models}"


def _signatures(export: Path, manifest: dict[str, Any]) -> str:
    found = export_manifest.signatures_of(export)
    if found != manifest["signatures"]:
        names = {*found, *manifest["signatures"]}
        other = sorted(name for name in names if found.get(name) != manifest["signatures"].get(name))
        raise InputError(f"Signatures of the graph differ from the manifest: {', '.join(other)}. Export again.")
    if "serving_default" not in found:
        raise InputError("The signature serving_default is missing. Export again.")
    return ", ".join(sorted(found))


def _operations(export: Path, manifest: dict[str, Any]) -> str:
    index_ops = index_operations.allowed(manifest)
    ops = operations.check(export, index_ops)
    unsupported = sorted(index_ops & set(ops))
    return f"{len(ops)} kinds, " + (
        f"NOT in the stock server: {', '.join(unsupported)}" if unsupported else "all in the stock server"
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
        raise InputError(f"{len(calls)} warm-up requests, expected 1 to {warmup.LIMIT}. Export again.")
    if not answered:
        replay(export, calls, "c", timeout)
    return f"{len(calls)} requests to {len({call.signature for call in calls})} signatures, all answered"


def _fuzzing(export: Path, requests: int, seed: int, manifest: dict[str, Any], timeout: float) -> str:
    seen = fuzz(export, requests, seed, manifest["mask_seen"], timeout)
    return f"{seen['answered']:,} requests answered, {seen['refused']:,} refused, {seen['ids']:,} ids"


def _latency(export: Path, timeout: float) -> str:
    calls, _ = recorded_answers.read(export)
    # Not the first call, which has the edge cases.
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
