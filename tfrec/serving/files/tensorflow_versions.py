"""Which server fits an export: TensorFlow loads graphs of the same or an older minor version."""

from __future__ import annotations

import re
from pathlib import Path

import tensorflow as tf

from tfrec.errors import InputError
from tfrec.serving.files.saved_model import written_by


def minor_version(version: str) -> tuple[int, int]:
    """`(2, 20)` of "2.20.0"; raises `InputError` if it is no version."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})\b", version)
    if found is None:
        raise InputError(f"{version[:40]!r} is no version of TensorFlow; expected one like '2.20.0'.")
    return int(found[1]), int(found[2])


def server_image(version: str) -> str:
    """The image of TensorFlow Serving for graphs that a version of TensorFlow writes.

    Args:
        version: of TensorFlow.

    Example:
        >>> server_image("2.20.1")
        'tensorflow/serving:2.20.0'
    """
    major, minor = minor_version(version)
    return f"tensorflow/serving:{major}.{minor}.0"


STOCK_IMAGE = server_image(tf.__version__)  # for exports of the installed TensorFlow


def image_for(export: Path) -> str:
    """The image that fits an export: of the TensorFlow that wrote it, or of the installed one if nothing is written."""
    return server_image(written_by(export)) if (export / "saved_model.pb").is_file() else STOCK_IMAGE


def compared(writer: str, runtime: str) -> tuple[str, bool]:
    """Two versions of TensorFlow in words, and whether the runtime is older than the writer.

    TensorFlow promises that a graph loads in later versions of the same major version, and in the other patch versions
    of its own minor version. It promises nothing of a graph in an older minor version.
    """
    (major, minor), older = minor_version(writer), minor_version(runtime) < minor_version(writer)
    if not older:
        return f"written by {writer}, loaded here by {runtime}; servers from {major}.{minor} on fit", False
    return (
        f"written by {writer}, but loaded here by {runtime}, which is older: a newer graph may not load. Serve it with "
        f"TensorFlow Serving {major}.{minor} or newer, or export it again with the server's version of TensorFlow.",
        True,
    )
