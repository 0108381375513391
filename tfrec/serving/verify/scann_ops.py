"""The operations that an export has only because ScaNN was asked for, and the library that knows them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tfrec.errors import InputError
from tfrec.serving.files.saved_model import operations_of

OPS = frozenset({"Scann>ScannSearchBatched", "Scann>TensorsToScann"})
NAMESPACE = "Scann"
WARNING = (
    "This export has ScaNN's operations, which stock TensorFlow Serving does NOT have: it cannot load the version. "
    "Serve it with a server that is built with ScaNN for TensorFlow 2.20, or export with --index ivf, which every "
    "server loads."
)


def libraries(export: Path) -> list[str]:
    """The shared libraries that a runtime must load before it can load an export: none, or ScaNN's."""
    if not OPS & operations_of(export):
        return []
    found = importlib.util.find_spec("scann")
    library = Path(found.origin).parent / "scann_ops" / "cc" / "_scann_ops.so" if found else None
    if library is None or not library.is_file():
        raise InputError(f"{export} has ScaNN's operations, and to ask it needs scann: pip install 'tfrec[scann]'.")
    return [str(library)]
