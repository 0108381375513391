"""Build the exact index of a catalogue, with a transposed copy if the catalogue is large."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import Index
from tfrec.serving.indexes.transposed import Transposed

_MANY = 262_144  # items: beyond it, reading the table dominates the latency, and a transposed copy pays


def build_index(exact: Exact, queries: np.ndarray | None, k: int, recall: float) -> tuple[Index, dict[str, Any]]:
    """See `tfrec.serving.indexes.build_index`."""
    columns = exact.num_items >= _MANY and exact.table.dtype == tf.float32
    return Transposed(exact) if columns else exact, {"recall": 1.0, "columns": columns}
