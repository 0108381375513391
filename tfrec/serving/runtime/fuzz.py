"""Fuzzing: random requests to an export, in the server's own runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfrec.serving.runtime.replay import ReplayError, job_of, run


def fuzz(
    export: Path, number: int = 20_000, seed: int = 0, mask_seen: bool = True, timeout: float | None = None
) -> dict[str, Any]:
    """Ask every signature with rows of 0 to 10,000 ids of any bytes, and with wrong shapes, through the C API.

    Args:
        export: the folder of a version.
        number: of requests.
        seed: of their random generator.
        mask_seen: whether the export masks what stands in a history.
        timeout: seconds after which the process is killed; None waits for ever.

    Returns:
        how many requests were "answered" and "refused", and how many "ids" they had.

    Raises:
        ReplayError: where the process dies, an answer has NaN, an id twice, a forbidden or an unknown id, or is out of
            order; where a wrong shape is accepted, or refused with anything but an invalid argument.
    """
    found = run(
        "fuzz_c.py",
        {
            **job_of(export),
            "vocabulary": str(Path(export) / "assets" / "item.txt"),
            "mask_seen": mask_seen,
            "number": number,
            "seed": seed,
        },
        timeout,
    )
    if found["failure"]:
        raise ReplayError(f"{export} gave a wrong answer: {found['failure']}")
    return {name: found.get(name, 0) for name in ("answered", "refused", "ids")}
