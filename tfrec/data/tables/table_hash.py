"""Hash a table with cells of any type."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd


def table_bytes(table: pd.DataFrame) -> bytes:
    """A digest of column names, index and all cells, in their order; equal tables have equal digests.

    Example:
        >>> table = pd.DataFrame({"a": [1, 2], "v": [[0.5], None]})
        >>> table_bytes(table) == table_bytes(table.copy()), table_bytes(table) == table_bytes(table.iloc[::-1])
        (True, False)
    """
    digest = hashlib.sha256()
    for name, values in [("", table.index.to_series()), *table.items()]:
        digest.update(f"{name}\n{len(values)}\n".encode("utf-8", "surrogatepass"))
        if isinstance(values.dtype, np.dtype) and values.dtype.kind in "bifu":
            digest.update(str(values.dtype).encode() + np.ascontiguousarray(values.to_numpy()).tobytes())
        else:
            digest.update("\n".join(map(cell_text, values)).encode("utf-8", "surrogatepass"))
    return digest.digest()


def content_hash(rows: str, *parts: np.ndarray | pd.DataFrame | None) -> str:
    """A hash of a table: the hash of its rows, and its further arrays and tables, None for absent ones.

    Example:
        >>> content_hash("0f", np.zeros(2)) == content_hash("0f", None)
        False
    """
    digest = hashlib.sha256(rows.encode())
    for part in parts:
        if part is None:
            digest.update(b"nothing")
        elif isinstance(part, pd.DataFrame):
            digest.update(table_bytes(part))
        else:
            digest.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def cell_text(cell: Any) -> str:
    """The repr of a cell, with long arrays in full and sets sorted."""
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    elif isinstance(cell, set | frozenset):
        cell = sorted(map(repr, cell))
    return repr(cell)
