"""The calls that an export was verified with, and its answers: assets.extra/tfrec_answers.json.

They let anyone with a copy of the folder check that it still gives the same answers.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfrec.errors import InputError
from tfrec.file_hashes import LARGEST_JSON
from tfrec.serving.runtime import Call

PLACE = Path("assets.extra") / "tfrec_answers.json"


def write(export: Path, calls: Sequence[Call], answers: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Write calls and their answers to an export."""
    content = [
        {**dataclasses.asdict(call), "outputs": {name: values.tolist() for name, values in answer.items()}}
        for call, answer in zip(calls, answers, strict=True)
    ]
    (export / PLACE).write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def read(export: Path) -> tuple[list[Call], list[dict[str, np.ndarray]]]:
    """Read calls and answers; raises `InputError` if the file is invalid."""
    path = export / PLACE
    if path.is_file() and path.stat().st_size > LARGEST_JSON:
        raise InputError(f"{path} has {path.stat().st_size:,} bytes: expected at most {LARGEST_JSON:,}. Export again.")
    try:
        content = json.loads((export / PLACE).read_text(encoding="utf-8"))
        calls = [Call(one["signature"], one["inputs"]) for one in content]
        answers = [
            {
                name: np.array(values, object if name == "item_ids" else np.float32)
                for name, values in one["outputs"].items()
            }
            for one in content
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{export / PLACE} cannot be read: {error!r}. Export again.") from error
    for call, answer in zip(calls, answers, strict=True):
        lists = answer.get("item_ids")
        if (
            not call.inputs
            or not answer
            or (lists is not None and lists.shape != getattr(answer.get("scores"), "shape", 0))
        ):
            raise InputError(
                f"{export / PLACE} has a call to {call.signature} without inputs or answers. Export again."
            )
    if not calls:
        raise InputError(f"{export / PLACE} has no calls. Export again.")
    return calls, answers
