"""The registry of the indexes of exports.

To add an index, add an entry to `INDEX_KINDS` and a module that builds it. The exporter, the checks of an export, the
replays and the command line read all properties of an index here. This module imports nothing heavy.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True)
class IndexKind:
    """The properties of an index.

    Attributes:
        name: its name in `tfrec export --index` and in the manifest of an export.
        module: the module whose function `build_index` builds it; see `tfrec.serving.indexes.build_index`.
        summary: a phrase for `tfrec export --help`.
        needs_queries: whether it is approximate, so that query vectors tune and measure it.
        may_be_short: whether its lists may be shorter than the exact ones.
        operations: custom operations of its graph, which the stock server lacks.
        namespace: namespace of these operations.
        library: package, and path in the package, of the shared library that defines these operations.
        environment: environment variables that must be set before TensorFlow is imported.
        warning: warning of an export that the stock server cannot load.
    """

    name: str
    module: str
    summary: str
    needs_queries: bool = True
    may_be_short: bool = False
    operations: frozenset[str] = frozenset()
    namespace: str = ""
    library: tuple[str, str] | None = None
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warning: str = ""

    @property
    def fits_stock_server(self) -> bool:
        """Whether stock TensorFlow Serving can load an export with this index."""
        return not self.operations


_ALL = (
    IndexKind("exact", "tfrec.serving.indexes.exact_index", "exact search, the default", needs_queries=False),
    IndexKind("ivf", "tfrec.serving.indexes.clustered_index", "approximate search in clusters"),
    IndexKind("int8", "tfrec.serving.indexes.quantized", "candidates from int8 vectors, ranked with float32 vectors"),
    IndexKind(
        "scann",
        "tfrec.serving.indexes.scann_tree",
        "ScaNN, which needs a server that is built with it",
        may_be_short=True,  # ScaNN searches a fixed number of leaves
        operations=frozenset({"Scann>ScannSearchBatched", "Scann>TensorsToScann"}),
        namespace="Scann",
        library=("scann", "scann_ops/cc/_scann_ops.so"),
        environment={"TF_USE_LEGACY_KERAS": "1"},  # TensorFlow Recommenders needs it
        warning="This export has ScaNN's operations, which stock TensorFlow Serving does NOT have: it cannot load the "
        "version. Use a server that is built with ScaNN for TensorFlow 2.20, or export with --index ivf, which every "
        "server loads.",
    ),
)
INDEX_KINDS = {kind.name: kind for kind in _ALL}


def index_kind(name: str) -> IndexKind:
    """Look up an index by name.

    Raises:
        InputError: if the name is unknown.

    Example:
        >>> index_kind("ivf").fits_stock_server, index_kind("scann").fits_stock_server
        (True, False)
    """
    kind = INDEX_KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InputError(f"index must be one of {', '.join(INDEX_KINDS)}, got {name!r}.")
    return kind


def kinds_with(operations: frozenset[str] | set[str]) -> list[IndexKind]:
    """The indexes with custom operations that a graph contains."""
    return [kind for kind in INDEX_KINDS.values() if kind.operations & operations]


def library_of(kind: IndexKind) -> str:
    """The shared library that defines an index's operations.

    Raises:
        InputError: if the package is not installed.
    """
    package, place = kind.library or ("", "")
    found = importlib.util.find_spec(package) if package else None
    path = Path(found.origin).parent / place if found and found.origin else None
    if path is None or not path.is_file():
        raise InputError(f"The index {kind.name} needs the package {package}: pip install 'tfrec[{package}]'.")
    return str(path)
