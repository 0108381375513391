"""The two lines that serve an export with a ranking model and ask it."""

import json
import shlex
from pathlib import Path
from typing import Any

from tfrec.serving import manifest

_EXAMPLES = {"string": "", "float32": float("nan"), "int64": 0}
_LONG = ("history", "item_ids")


def how_to_ask(version: Path) -> str:
    """The `docker run` and `curl` lines for a version folder: the signature with the fewest inputs, all of them named.

    What is to be filled in is ID, for ids, and "" or NaN, missing, for features.
    """
    signatures = manifest.signatures_of(version)
    name = next(name for name in ("recommend_by_history", "rank") if name in signatures)
    inputs = {one: _example(one, *of) for one, of in signatures[name]["inputs"].items()}
    request = json.dumps({"signature_name": name, "inputs": inputs})
    folder = version.resolve().parent
    mount, served = shlex.quote(f"{folder}:/models/{folder.name}"), shlex.quote(folder.name)
    return (
        f"docker run --rm -p 8501:8501 -v {mount} -e MODEL_NAME={served} tensorflow/serving:2.20.0\n"
        f"curl http://localhost:8501/v1/models/{served}:predict -d {shlex.quote(request)}"
    )


def _example(name: str, dtype: str, shape: list[int]) -> list[Any]:
    if name in _LONG:
        return [["ID", "ID"]]
    if len(shape) == 1:
        return [_EXAMPLES[dtype]]
    # Times and labels go with the two ids of the history.
    width = 2 if name in ("timestamps", "history_labels") else max(shape[1], 1)
    return [[_EXAMPLES[dtype]] * width]
