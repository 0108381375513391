"""Replays calls in a process of its own."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfrec.serving.files.saved_model import tensors_of
from tfrec.serving.verify import index_operations

RUNTIMES = {"tensorflow": "replay_tensorflow.py", "c": "replay_c.py"}


class ReplayError(RuntimeError):
    """An export could not be asked."""


class ReplayTimeout(ReplayError):
    """An export did not answer in time."""


@dataclasses.dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        signature: which.
        inputs: name -> nested lists of texts or integers, all rows of one width.
    """

    signature: str
    inputs: Mapping[str, Sequence[Any]]


def replay(
    export: Path, calls: Sequence[Call], runtime: str = "tensorflow", timeout: float | None = None
) -> list[dict[str, np.ndarray]]:
    """The answers of an export, from a fresh process that imports neither tfrec nor keras.

    Args:
        export: the folder of a SavedModel.
        calls: what to ask.
        runtime: "tensorflow" loads it with TensorFlow's Python; "c" with the C API, the server's own way in, from the
            shared library of the installed TensorFlow, and with no Python TensorFlow in the process.
        timeout: seconds after which the process is killed; None waits for ever.

    Returns:
        for each call, output name -> array; texts as objects.

    Raises:
        ReplayError: where the process fails, with the end of what it said.
        ReplayTimeout: where it has not ended in time.
    """
    found = run(RUNTIMES[runtime], {**job_of(export), "calls": _plain(calls)}, timeout)
    return [{name: _array(values) for name, values in answer.items()} for answer in found]


def time_calls(
    export: Path, calls: Sequence[Call], repeat: int = 1, threads: int = 1, timeout: float | None = None
) -> list[float]:
    """The seconds that calls take in the C API, each `repeat` times; `timeout` and errors as for `replay`."""
    job = {**job_of(export), "calls": _plain(calls), "repeat": repeat, "threads": threads}
    return run("time_c.py", job, timeout)


def run(script: str, job: Mapping[str, Any], timeout: float | None = None) -> Any:
    """Run a file of this folder as a process of its own on a job; returns what it wrote.

    A process that takes longer than `timeout` seconds is killed, and `ReplayTimeout` raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answers = Path(folder) / "job.json", Path(folder) / "answers.json"
        asked.write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-I", str(Path(__file__).with_name(script)), str(asked), str(answers)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise ReplayTimeout(
                f"The export has not answered within {timeout:.0f} s, and its process was killed. A graph that never "
                "ends does this; so does a limit that is too low for a large catalogue or a slow machine."
            ) from None
        if done.returncode:
            raise ReplayError(f"The export cannot be asked in a fresh process: {_fault(done)}")
        return json.loads(answers.read_text(encoding="utf-8"))


def _fault(done: subprocess.CompletedProcess) -> str:
    """Why a process failed: the signal that ended it, or the exception, which stands at the end of what it said."""
    if done.returncode < 0:
        return f"signal {-done.returncode} ended it. {done.stderr.strip()[-500:]}".strip()
    exception = re.split(r"^(?=\S*(?:Error|Exception|Refused)\b)", done.stderr.strip(), flags=re.MULTILINE)[-1]
    return exception[-2000:]


def job_of(export: Path) -> dict[str, Any]:
    """What every process has to know of an export and of where TensorFlow lies."""
    return {
        "export": str(export),
        "tensorflow": str(Path(importlib.util.find_spec("tensorflow").origin).parent),
        "libraries": index_operations.libraries(export),
        "signatures": tensors_of(export),
    }


def _plain(calls: Sequence[Call]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(call) for call in calls]


def _array(values: list) -> np.ndarray:
    array = np.array(values)
    return array.astype(object) if array.dtype.kind == "U" else array
