"""The custom operations of an export's index, and the libraries that define them."""

from __future__ import annotations

from pathlib import Path

from tfrec.index_kinds import IndexKind, kinds_with, library_of
from tfrec.serving.files.saved_model import operations_of


def foreign_indexes(export: Path) -> list[IndexKind]:
    """The indexes of an export that stock TensorFlow Serving cannot load."""
    return kinds_with(operations_of(export))


def libraries(export: Path) -> list[str]:
    """The shared libraries that a runtime must load before an export; usually none.

    Raises:
        InputError: if the package with the library is not installed.
    """
    return [library_of(kind) for kind in foreign_indexes(export)]
