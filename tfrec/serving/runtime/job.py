"""Exchange calls and answers with a process as JSON files. Standard library and numpy only."""

import json
from pathlib import Path

import numpy as np


def read(path: str) -> dict:
    """Read the job of a process."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write(path: str, answers: list[dict[str, np.ndarray]]) -> None:
    """Write answers, with bytes decoded to texts."""
    write_plain(path, [{name: _plain(values) for name, values in answer.items()} for answer in answers])


def write_plain(path: str, content: object) -> None:
    """Write a JSON file."""
    Path(path).write_text(json.dumps(content), encoding="utf-8")


def as_bytes(rows: object) -> object:
    """Nested lists with texts encoded to bytes."""
    if isinstance(rows, list):
        return [as_bytes(row) for row in rows]
    return rows.encode("utf-8") if isinstance(rows, str) else rows


def _plain(values: np.ndarray) -> list:
    if values.dtype != object:
        return values.tolist()
    return np.array([one.decode("utf-8") for one in values.ravel()], object).reshape(values.shape).tolist()
