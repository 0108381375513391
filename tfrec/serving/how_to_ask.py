"""The two commands that serve an export with a ranking model and query it."""

import itertools
import json
import shlex
from pathlib import Path
from typing import Any

from tfrec.serving.files import export_manifest
from tfrec.serving.files.tensorflow_versions import image_for
from tfrec.serving.graph.two_stage import USER_FEATURES

_EXAMPLES = {"string": "", "float32": float("nan"), "int64": 0}
_LONG = ("history", "item_ids")


def how_to_ask(version: Path) -> str:
    """The `docker run` and `curl` commands for a version folder, with all inputs of the shortest signature.

    The ids are the first ones of the export's catalogue and of its users, so the request works as it is. Features are
    missing values, "" or NaN, for the user to replace.
    """
    signatures = export_manifest.signatures_of(version)
    name = next(name for name in ("recommend_by_history", "rank") if name in signatures)
    ids = _some_ids(version)
    inputs = {one: _example(one, *of, ids) for one, of in signatures[name]["inputs"].items()}
    inputs |= {one: [user] for one in USER_FEATURES if inputs.get(one) == [""] and (user := _some_user(version, one))}
    request = json.dumps({"signature_name": name, "inputs": inputs}, ensure_ascii=False)
    folder = version.resolve().parent
    mount, served = shlex.quote(f"{folder}:/models/{folder.name}"), shlex.quote(folder.name)
    return (
        f"docker run --rm -p 8501:8501 -v {mount} -e MODEL_NAME={served} {image_for(version)}\n"
        f"curl http://localhost:8501/v1/models/{served}:predict -d {shlex.quote(request)}"
    )


def _some_ids(version: Path) -> list[str]:
    """Two ids of the catalogue that are not withdrawn, the most popular first."""
    path = version / "assets" / "item.txt"
    if not path.is_file():
        return ["ID", "ID"]
    manifest = json.loads((version / export_manifest.PLACE).read_text(encoding="utf-8"))
    withdrawn = set(manifest.get("withdrawn_items", ()))
    with path.open(encoding="utf-8", newline="\n") as lines:
        found = (line.removesuffix("\n") for line in lines)
        return [*itertools.islice((item for item in found if item not in withdrawn), 2)] or ["ID", "ID"]


def _some_user(version: Path, name: str) -> str | None:
    """The first user id that the models of the export know; None if they know none."""
    for file in ("user.txt", f"ranking_{name}.txt", f"{name}.txt"):
        path = version / "assets" / file
        if path.is_file():
            with path.open(encoding="utf-8", newline="\n") as lines:
                return next((line.removesuffix("\n") for line in lines), None)
    return None


def _example(name: str, dtype: str, shape: list[int], ids: list[str]) -> list[Any]:
    if name in _LONG:
        return [ids]
    if len(shape) == 1:
        return [_EXAMPLES[dtype]]
    # Timestamps and labels are as many as the ids of the history.
    width = len(ids) if name in ("timestamps", "history_labels") else max(shape[1], 1)
    return [[_EXAMPLES[dtype]] * width]
