"""The kinds of index that an export can be made with: what each needs, may do and brings along.

A further index is an entry in `INDEX_KINDS` and a module that builds it. The exporter, the checks of an export, the
replays and the command line read everything they have to know of an index here. Nothing heavy is imported.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True)
class IndexKind:
    """What the rest of tfrec has to know of an index.

    Attributes:
        name: as `tfrec export --index` and the manifest of an export name it.
        module: the module that builds it, by a function `build_index`; see `tfrec.serving.indexes.build`.
        summary: one phrase, for `tfrec export --help`.
        needs_queries: whether it is approximate, so that it is tuned and measured with query vectors.
        may_be_short: whether its lists may hold fewer items than are left to recommend.
        operations: further operations that its graph may have, which the stock server does not have.
        namespace: of these operations.
        library: the package and the path in it of the shared library that defines these operations.
        environment: variables that must be set before TensorFlow is imported, unless they are set already.
        warning: printed at an export, if the stock server cannot load it.
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
    IndexKind("ivf", "tfrec.serving.indexes.clustered_index", "approximate search in blocks of neighbours"),
    IndexKind("int8", "tfrec.serving.indexes.quantized", "candidates from int8 vectors, ranked by float32"),
    IndexKind(
        "scann",
        "tfrec.serving.indexes.scann_tree",
        "ScaNN, which only a server that is built with it can load",
        may_be_short=True,  # a tree of ScaNN cannot be asked for more
        operations=frozenset({"Scann>ScannSearchBatched", "Scann>TensorsToScann"}),
        namespace="Scann",
        library=("scann", "scann_ops/cc/_scann_ops.so"),
        environment={"TF_USE_LEGACY_KERAS": "1"},  # TensorFlow Recommenders asks for it
        warning="This export has ScaNN's operations, which stock TensorFlow Serving does NOT have: it cannot load the "
        "version. Serve it with a server that is built with ScaNN for TensorFlow 2.20, or export with --index ivf, "
        "which every server loads.",
    ),
)
INDEX_KINDS = {kind.name: kind for kind in _ALL}


def index_kind(name: str) -> IndexKind:
    """The kind of index with a name.

    Raises:
        InputError: if there is none.

    Example:
        >>> index_kind("ivf").fits_stock_server, index_kind("scann").fits_stock_server
        (True, False)
    """
    kind = INDEX_KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InputError(f"index must be one of {', '.join(INDEX_KINDS)}, got {name!r}.")
    return kind


def kinds_with(operations: frozenset[str] | set[str]) -> list[IndexKind]:
    """The kinds of index whose further operations occur among those of a graph."""
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
        raise InputError(f"An index of kind {kind.name} needs {package}: pip install 'tfrec[{package}]'.")
    return str(path)
