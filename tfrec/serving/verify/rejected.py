"""Rejected exports: explain why an export failed verification, and keep it if the user wants."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

import numpy as np

from tfrec import atomic
from tfrec.errors import InputError
from tfrec.serving.verify.parity import ParityError

PLACE = "rejected.json"


def check_place(keep_rejected: str | Path | None, folder: Path) -> None:
    """Raise `InputError` if the server of the model's folder could load kept exports, or the folder is not writable."""
    if keep_rejected is None:
        return
    place, model = Path(keep_rejected).resolve(), folder.resolve()
    if place == model or place.is_relative_to(model):
        raise InputError(
            f"{keep_rejected} is inside {folder}, from which the server loads versions: keep rejected exports "
            "somewhere else."
        )
    if place.exists() and not place.is_dir():
        raise InputError(f"{keep_rejected} is a file: name a folder for rejected exports.")
    atomic.check_writable(place)


def keep(new: Path, keep_rejected: str | Path, model: str, error: ParityError) -> Path:
    """Copy a rejected export to a new folder, with the request that failed.

    The folder's name is not a number, so a server does not take it for a version. `rejected.json` has the reason, the
    request, the row and both answers.
    """
    place = Path(keep_rejected) / f"rejected-{model}-{uuid.uuid4().hex[:8]}"
    call = error.call
    content = {
        "reason": str(error),
        "row": error.row,
        "call": None if call is None else {"signature": call.signature, "inputs": dict(call.inputs)},
        "expected": _plain(error.expected),
        "found": _plain(error.found),
    }
    with atomic.new_folder(place, replace=False) as folder:
        shutil.copytree(new, folder, dirs_exist_ok=True)
        (folder / PLACE).write_text(json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8")
    return place


def explained(error: ParityError) -> str:
    """A one-line explanation: what differs, where the export is kept, and what to try."""
    if error.kept is not None:
        kept = f"The rejected export is kept in {error.kept}."
    else:
        kept = "Nothing was written; --keep-rejected DIR keeps the rejected export and the request."
    text = (
        f"the export was rejected, because its answers differ from the model's. {error} {kept} To find the cause, try "
        "--verify runtime instead of --verify tensorflow (or the reverse), --index exact, no --int8-weights, and "
        "TF_ENABLE_ONEDNN_OPTS=0 in the environment. If all of them fail, please report it."
    )
    return " ".join(text.split())


def _plain(answer: object) -> object:
    if answer is None:
        return None
    return {name: np.asarray(values).tolist() for name, values in answer.items()}
