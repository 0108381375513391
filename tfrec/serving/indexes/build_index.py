"""Build an index by name, with the required recall."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from tfrec.errors import InputError
from tfrec.index_kinds import index_kind
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import Index
from tfrec.serving.indexes.index_measurements import measured_latency


def build(
    kind: str, exact: Exact, queries: np.ndarray | None, k: int, recall: float = 0.95
) -> tuple[Index, dict[str, Any]]:
    """Build an index over the items of `exact`, and report its recall, latency and chosen parameters.

    The module of the index (`tfrec.index_kinds`) has a function `build_index` with the arguments `exact`, `queries`,
    `k` and `recall`, which returns the index and a dict with its recall and chosen parameters.

    Args:
        kind: a name in `tfrec.index_kinds.INDEX_KINDS`.
        exact: the exact index, whose answers define the recall.
        queries: (N, I, D) float32 query vectors of the model; None if the kind needs none.
        k: K of the recall.
        recall: share of the K best items that an approximate index must find for these queries.

    Raises:
        InputError: if `kind` is unknown, `recall` is not in (0, 1], or a package that the index needs is missing.
    """
    module = index_kind(kind).module
    if not 0 < recall <= 1:
        raise InputError(f"recall must be above 0 and at most 1, got {recall}.")
    index, how = importlib.import_module(module).build_index(exact, queries, k, recall)
    return index, {"kind": kind, **how, "milliseconds": measured_latency(index, queries, exact, k)}
