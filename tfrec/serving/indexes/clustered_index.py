"""Build a clustered index that reads as little as the recall allows."""

from __future__ import annotations

import bisect
from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.clustered import Clustered
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import Index
from tfrec.serving.indexes.index_measurements import measured_recall

_MARGINS = [0.2 * 1.08**step for step in range(40)]  # margins of `Clustered` that are tried: 0.2 to 4.0


def build_index(exact: Exact, queries: np.ndarray, k: int, recall: float) -> tuple[Index, dict[str, Any]]:
    """Clustered index that reads as few blocks as the recall allows; see `tfrec.serving.indexes.build_index`."""
    vectors = exact.vectors(tf.range(exact.num_items)).numpy()
    wanted = exact.search(tf.constant(queries), tf.constant(k))[1].numpy()
    withdrawn = None if exact.penalty is None else exact.penalty.numpy() < 0
    index = Clustered(vectors, withdrawn=withdrawn, usual=wanted.shape[1])
    blocks, size = index.codes.shape
    index.probes = blocks

    def found_with(margin: float) -> float:
        index.margin = margin
        return measured_recall(index, queries, wanted)

    least = bisect.bisect_left(_MARGINS[:-1], True, key=lambda margin: found_with(margin) >= recall)
    found = found_with(_MARGINS[least])
    # Limit the blocks per query, which bounds the slowest query, as long as the recall is kept.
    while index.probes > 1:
        index.probes //= 2
        if (bounded := measured_recall(index, queries, wanted)) < min(recall, found):
            index.probes = min(blocks, 2 * index.probes + 1)
            break
        found = bounded
    how = {"blocks": blocks, "block_size": size, "most_blocks_read": index.probes, "margin": round(index.margin, 4)}
    return index, {"recall": found, **how}
