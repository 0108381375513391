"""Fuzzing: random requests to an export, in the server's runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfrec.serving.runtime.replay import ReplayError, job_of, run


def fuzz(
    export: Path, number: int = 20_000, seed: int = 0, mask_seen: bool = True, timeout: float | None = None
) -> dict[str, Any]:
    """Send random requests to all signatures through the C API: 0 to 10,000 ids of any bytes, and invalid shapes.

    Args:
        export: a version folder.
        number: number of requests.
        seed: seed of the random generator.
        mask_seen: whether the export excludes items of the history.
        timeout: seconds after which the process is killed; None sets no limit.

    Returns:
        the number of "answered" and "refused" requests, and of their "ids".

    Raises:
        ReplayError: if the process crashes; if an answer has NaN, repeated, forbidden or unknown ids, or is not in
            order; if an invalid shape is accepted, or refused with another error than an invalid argument.
    """
    found = run(
        "fuzz_c.py",
        {
            **job_of(export),
            "vocabulary": str(Path(export) / "assets" / "item.txt"),
            "users": str(Path(export) / "assets" / "user.txt"),
            "mask_seen": mask_seen,
            "number": number,
            "seed": seed,
        },
        timeout,
    )
    if found["failure"]:
        raise ReplayError(f"{export} gave a wrong answer: {found['failure']}")
    return {name: found.get(name, 0) for name in ("answered", "refused", "ids")}
