"""The custom operations of an export's index, and the libraries that define them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfrec.index_kinds import INDEX_KINDS, IndexKind, kinds_with, library_of
from tfrec.serving.files.saved_model import operations_of


def foreign_indexes(export: Path) -> list[IndexKind]:
    """The indexes of an export that stock TensorFlow Serving cannot load."""
    return kinds_with(operations_of(export))


def allowed(manifest: Mapping[str, Any]) -> frozenset[str]:
    """The operations beyond those of the stock server that the index named by a manifest needs."""
    named = (manifest.get("index") or {}).get("kind")
    return next((kind.operations for kind in INDEX_KINDS.values() if kind.name == named), frozenset())


def libraries(export: Path) -> list[str]:
    """The shared libraries that a runtime must load before an export; usually none.

    Raises:
        InputError: if the package with the library is not installed.
    """
    return [library_of(kind) for kind in foreign_indexes(export)]
