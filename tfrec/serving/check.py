"""Everything that makes a version folder fit to be served, looked at once more where it lies."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfrec.errors import InputError
from tfrec.serving import golden, manifest, ops_allowed, parity, scann_ops, warmup
from tfrec.serving.runtime import Call, ReplayError, fuzz, replay, time_calls


class Check(NamedTuple):
    """A line of the table.

    Attributes:
        name: what was looked at.
        passed: whether it was as it must be.
        seen: what was seen, in words.
    """

    name: str
    passed: bool
    seen: str


def serve_check(version: str | Path, requests: int = 2_000, seed: int = 0) -> list[Check]:
    """Check a version folder: files, operations, answers in two runtimes, warm-up, nonsense, latency.

    Nothing but the folder is needed: an export carries the calls that it was held against, and their answers.

    Args:
        version: what `export` returned, or a copy of it.
        requests: how many nonsense requests it must survive.
        seed: of these.

    Returns:
        a line for each thing that was looked at. Where the files are damaged, that is the only one.

    Raises:
        InputError: where there is no export.
    """
    export = Path(version)
    if not (export / "saved_model.pb").is_file():
        raise InputError(
            f"{export} has no saved_model.pb. Name a version folder that tfrec has exported: served/films/1."
        )
    try:
        said = manifest.read(export)
    except InputError as error:
        return [Check("files", False, str(error))]
    size = sum(one["bytes"] for one in said["files"].values())
    stages = [said, *([said["ranking"]] if "ranking" in said else [])]
    models = ", then ".join(f"{one['model']} '{one['preset']}'" for one in stages)
    checks = [Check("files", True, f"{len(said['files'])} as exported, {size / 1e6:.1f} MB; {models}")]

    def look(name: str, at: Callable[[], str]) -> None:
        try:
            checks.append(Check(name, True, at()))
        except (InputError, ReplayError, parity.ParityError) as error:
            checks.append(Check(name, False, str(error)))

    look("signatures", lambda: ", ".join(sorted(said["signatures"])))
    look("operations", lambda: _operations(export, said))
    look("answers", lambda: _answers(export, "tensorflow"))
    # What takes longest is to load the export: its own calls and the warm-up share a process, if nothing is wrong.
    look("answers, C runtime", lambda: _answers(export, "c", also=warmup.read(export)))
    if not (together := checks[-1].passed):
        checks.pop()
        look("answers, C runtime", lambda: _answers(export, "c"))
    look("warm-up", lambda: _warm_up(export, together))
    look("nonsense", lambda: _nonsense(export, requests, seed, said))
    look("latency", lambda: _latency(export))
    return checks


def _operations(export: Path, said: dict[str, Any]) -> str:
    asked_for = scann_ops.OPS if said.get("index", {}).get("kind") == "scann" else frozenset()
    ops = ops_allowed.check(export, asked_for)
    foreign = sorted(asked_for & set(ops))
    return f"{len(ops)} kinds, " + (
        f"NOT of the stock server: {', '.join(foreign)}" if foreign else "all of the stock server"
    )


def _answers(export: Path, runtime: str, also: Sequence[Call] = ()) -> str:
    calls, expected = golden.read(export)
    answers = replay(export, [*calls, *also], runtime)[: len(calls)]
    worst = 0.0
    for call, wanted, found in zip(calls, expected, answers, strict=True):
        worst = max(worst, parity.compare(call, wanted, found))
    return f"{len(calls)} calls of {sum(len(_first(call)) for call in calls)} rows, largest difference {worst:.1g}"


def _warm_up(export: Path, answered: bool) -> str:
    calls = warmup.read(export)
    if not calls or len(calls) > warmup.LIMIT:
        raise InputError(f"{len(calls)} records, expected 1 to {warmup.LIMIT}.")
    if not answered:
        replay(export, calls, "c")
    return f"{len(calls)} records of {len({call.signature for call in calls})} signatures, all answered"


def _nonsense(export: Path, requests: int, seed: int, said: dict[str, Any]) -> str:
    seen = fuzz(export, requests, seed, said["mask_seen"])
    return f"{seen['answered']:,} requests answered, {seen['refused']:,} refused, {seen['ids']:,} ids"


def _latency(export: Path) -> str:
    calls, _ = golden.read(export)
    call = next(call for call in calls[1:] if call.signature == "serving_default")
    ones = [
        Call(call.signature, {name: [rows[row]] for name, rows in call.inputs.items()})
        for row in range(len(_first(call)))
    ]
    took = sorted(time_calls(export, ones, repeat=4))
    p99 = took[min(len(took) - 1, round(0.99 * len(took)))]
    return f"batch 1 on one thread: median {1e3 * statistics.median(took):.2f} ms, p99 {1e3 * p99:.2f} ms"


def _first(call: Call) -> list:
    return next(iter(call.inputs.values()))
