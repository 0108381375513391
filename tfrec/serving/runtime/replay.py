"""Replay calls in a separate process."""

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
    """An export could not be loaded or did not answer."""


class ReplayTimeout(ReplayError):
    """An export did not answer in time."""


@dataclasses.dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        signature: name of the signature.
        inputs: name -> nested lists of texts or numbers, with rows of equal width.
    """

    signature: str
    inputs: Mapping[str, Sequence[Any]]


def replay(
    export: Path, calls: Sequence[Call], runtime: str = "tensorflow", timeout: float | None = None
) -> list[dict[str, np.ndarray]]:
    """The answers of an export in a fresh process that cannot import tfrec and keras.

    Args:
        export: the folder of a SavedModel.
        calls: the requests.
        runtime: "tensorflow" loads the export with TensorFlow's Python API; "c" loads it with the C API of the
            installed TensorFlow, as the server does, without Python's TensorFlow.
        timeout: seconds after which the process is killed; None sets no limit.

    Returns:
        for each call, output name -> array; texts have dtype object.

    Raises:
        ReplayError: if the process fails, with the end of its error output.
        ReplayTimeout: if it does not end in time.
    """
    found = run(RUNTIMES[runtime], {**job_of(export), "calls": _plain(calls)}, timeout)
    return [{name: _array(values) for name, values in answer.items()} for answer in found]


def time_calls(
    export: Path, calls: Sequence[Call], repeat: int = 1, threads: int = 1, timeout: float | None = None
) -> list[float]:
    """The seconds that each call takes in the C API, `repeat` times each; `timeout` and errors as in `replay`."""
    job = {**job_of(export), "calls": _plain(calls), "repeat": repeat, "threads": threads}
    return run("time_c.py", job, timeout)


def run(script: str, job: Mapping[str, Any], timeout: float | None = None) -> Any:
    """Run a file of this folder in a separate process on a job, and return its result.

    A process that takes longer than `timeout` seconds is killed, and `ReplayTimeout` is raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        job_file, answers = Path(folder) / "job.json", Path(folder) / "answers.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-I", str(Path(__file__).with_name(script)), str(job_file), str(answers)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise ReplayTimeout(
                f"The export did not answer within {timeout:.0f} s, and its process was killed. Its graph may not end, "
                "or the limit is too low for a large catalogue or a slow machine: raise the time limit."
            ) from None
        if done.returncode:
            raise ReplayError(f"The export cannot be run in a fresh process: {_fault(done)}")
        return json.loads(answers.read_text(encoding="utf-8"))


def _fault(done: subprocess.CompletedProcess) -> str:
    """Why a process failed: the signal that ended it, or the exception at the end of its error output."""
    if done.returncode < 0:
        return f"signal {-done.returncode} ended it. {done.stderr.strip()[-500:]}".strip()
    exception = re.split(r"^(?=\S*(?:Error|Exception|Refused)\b)", done.stderr.strip(), flags=re.MULTILINE)[-1]
    return exception[-2000:]


def job_of(export: Path) -> dict[str, Any]:
    """The entries that all jobs share: the export, its signatures and libraries, the folder of TensorFlow."""
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
