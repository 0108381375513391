"""The gate before a version becomes visible: the export must give the model's own answers."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfrec.data import FeatureSpec
from tfrec.models import RetrievalModel
from tfrec.serving.reference import recommend

_TOLERANCE = 1e-4


class ParityError(RuntimeError):
    """An export does not give the answers of its model."""


def check(export: Path, model: RetrievalModel, spec: FeatureSpec, k: int, num_histories: int = 200) -> float:
    """Replay histories, edge cases among them, in a fresh process that imports neither tfrec nor keras.

    Args:
        export: the folder of a SavedModel.
        model: what it was made from.
        spec: likewise.
        k: length of its lists.
        num_histories: how many random histories.

    Returns:
        the largest difference of a score.

    Raises:
        ParityError: where a list or a score differs by more than float noise.
    """
    batches = sample_histories(spec, num_histories)
    stamps = sample_timestamps(batches) if "timestamps" in model.input_names else [None] * len(batches)
    worst = 0.0
    for batch, times, answer in zip(batches, stamps, replay(export, batches, stamps), strict=True):
        expected_ids, expected = recommend(model, spec, batch, k, times)
        found_ids, found = answer["item_ids"], np.array(answer["scores"], np.float32)
        if found.shape != expected.shape or not np.array_equal(np.isfinite(found), np.isfinite(expected)):
            raise ParityError(
                f"The export answers {found.shape} lists of other lengths than the model's {expected.shape}."
            )
        finite = np.isfinite(found)
        difference = np.abs(found[finite] - expected[finite])
        worst = max(worst, float(difference.max(initial=0)))
        if worst > _TOLERANCE * max(1.0, float(np.abs(expected[finite]).max(initial=0))):
            raise ParityError(f"The export's scores differ from the model's by {worst:.2g}.")
        for history, left, right, scores in zip(batch, expected_ids, found_ids, expected, strict=True):
            if not _same_order(left, right, scores):
                raise ParityError(f"For the history {history[-5:]} the model ranks {left[:5]}, the export {right[:5]}.")
    return worst


def replay(
    export: Path, batches: list[list[list[str]]], timestamps: Sequence[list[list[int]] | None] | None = None
) -> list[dict]:
    """The answers of an export to batches of histories, from a fresh process; see `replay.py`.

    Args:
        export: the folder of a SavedModel.
        batches: of histories of raw ids.
        timestamps: of their items, for an export that takes them.
    """
    asked = [
        {"history": batch} if times is None else {"history": batch, "timestamps": times}
        for batch, times in zip(batches, timestamps or [None] * len(batches), strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        requests, answers = Path(folder) / "requests.json", Path(folder) / "answers.json"
        requests.write_text(json.dumps(asked), encoding="utf-8")
        script = Path(__file__).with_name("replay.py")
        command = [sys.executable, "-I", str(script), str(export), str(requests), str(answers)]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise ParityError(f"The export cannot be replayed in a fresh process:\n{done.stderr[-2000:]}")
        return json.loads(answers.read_text(encoding="utf-8"))


def sample_histories(spec: FeatureSpec, number: int, seed: int = 0) -> list[list[list[str]]]:
    """Batches of random histories of all lengths, and of edge cases: empty, unknown, repeated, longer than is read."""
    random = np.random.default_rng(seed)
    longest = min(2 * spec.max_length, 500)
    lengths = random.integers(1, longest, number)
    drawn = [random.choice(spec.items.tokens, length).tolist() for length in lengths]
    tokens = spec.items.tokens.tolist()
    edges = [
        [""],
        ["", "", tokens[0], ""],
        ["no such id"],
        ["no such id", tokens[-1], "Größe, 日本 🎬"],
        [tokens[0]] * 5,
        (tokens * (longest // len(tokens) + 1))[: spec.max_length + 1],
        tokens[: len(tokens) - 1][:longest],
    ]
    return [edges, *(drawn[start : start + 50] for start in range(0, number, 50))]


def sample_timestamps(batches: list[list[list[str]]], seed: int = 0) -> list[list[list[int]]]:
    """Ascending time stamps for histories, unknown ids and all: gaps from none to decades."""
    random = np.random.default_rng(seed)

    def stamps(length: int) -> list[int]:
        gaps = np.floor(2 ** random.uniform(-1, random.uniform(1, 27), length)).astype(np.int64)
        return (random.integers(0, 2**30) + np.cumsum(gaps)).tolist()

    return [[stamps(len(history)) for history in batch] for batch in batches]


def _same_order(expected: list[str], found: list[str], scores: np.ndarray) -> bool:
    """Equal lists, up to the order of items whose scores float noise cannot tell apart."""
    for place, (left, right) in enumerate(zip(expected, found, strict=True)):
        if left == right:
            continue
        tied = np.isclose(scores, scores[place], rtol=_TOLERANCE, atol=_TOLERANCE)
        at_end = bool(tied[-1])  # a tie with what fell off the end of the list cannot be seen
        if not at_end and right not in {expected[other] for other in np.flatnonzero(tied)}:
            return False
    return True
