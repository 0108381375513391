"""The two commands that serve an export of a retrieval model and query it."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from tfrec.serving.files.tensorflow_versions import image_for


def how_to_serve(
    version: Path,
    history: Sequence[str] = ("ID", "ID"),
    timestamps: bool = False,
    image: str | None = None,
    user: str | None = None,
) -> str:
    """The `docker run` and `curl` commands for a version folder.

    Args:
    version: the folder that `export` returned.
    history: raw ids of the example request.
    timestamps: whether the model reads timestamps; the request then has zeros in their place.
    image: the server's image; by default the one for the TensorFlow version that wrote the export.
    user: raw user id of the example request, if the model reads user ids.

    Example:
        >>> print(how_to_serve(Path("/srv/films/1"), ["m1"], image="tensorflow/serving:2.20.0"))
        docker run --rm -p 8501:8501 -v /srv/films:/models/films -e MODEL_NAME=films tensorflow/serving:2.20.0
        curl http://localhost:8501/v1/models/films:predict -d '{"inputs": {"history": [["m1"]]}}'
    """
    folder = version.resolve().parent
    mount, name = shlex.quote(f"{folder}:/models/{folder.name}"), shlex.quote(folder.name)
    inputs = ({} if user is None else {"user_id": [user]}) | {"history": [list(history)]}
    inputs |= {"timestamps": [[0] * len(history)]} if timestamps else {}
    request = json.dumps({"inputs": inputs})
    return (
        f"docker run --rm -p 8501:8501 -v {mount} -e MODEL_NAME={name} {image or image_for(version)}\n"
        f"curl http://localhost:8501/v1/models/{name}:predict -d {shlex.quote(request)}"
    )
