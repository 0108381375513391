"""Choose the server for an export: TensorFlow loads graphs of the same or an older minor version."""

from __future__ import annotations

import re
from pathlib import Path

import tensorflow as tf

from tfrec.errors import InputError
from tfrec.serving.files.saved_model import written_by


def minor_version(version: str) -> tuple[int, int]:
    """`(2, 20)` for "2.20.0"; raises `InputError` if the text is not a version."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})\b", version)
    if found is None:
        raise InputError(f"{version[:40]!r} is not a TensorFlow version; expected one like '2.20.0'.")
    return int(found[1]), int(found[2])


def server_image(version: str) -> str:
    """The image of TensorFlow Serving that fits the exports of a TensorFlow version.

    Args:
        version: the TensorFlow version.

    Example:
        >>> server_image("2.20.1")
        'tensorflow/serving:2.20.0'
    """
    major, minor = minor_version(version)
    return f"tensorflow/serving:{major}.{minor}.0"


STOCK_IMAGE = server_image(tf.__version__)  # for exports of the installed TensorFlow


def image_for(export: Path) -> str:
    """The image that fits an export: for its TensorFlow version, or the installed one if there is no export yet."""
    return server_image(written_by(export)) if (export / "saved_model.pb").is_file() else STOCK_IMAGE


def compared(writer: str, runtime: str) -> tuple[str, bool]:
    """A sentence on two TensorFlow versions, and whether the runtime is older than the writer.

    TensorFlow guarantees that a graph loads in later versions of the same major version and in all patch versions of
    the same minor version. It gives no guarantee for older minor versions.
    """
    (major, minor), older = minor_version(writer), minor_version(runtime) < minor_version(writer)
    if not older:
        return f"written by {writer}, loaded here by {runtime}; use a server of version {major}.{minor} or newer", False
    return (
        f"written by {writer}, but loaded here by {runtime}, which is older: a newer graph may not load. Serve it with "
        f"TensorFlow Serving {major}.{minor} or newer, or export it again with the server's version of TensorFlow.",
        True,
    )
