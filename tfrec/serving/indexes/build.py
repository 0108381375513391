"""From the name of an index to one that finds what was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.errors import InputError
from tfrec.serving.indexes.clustered import Clustered
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import Index
from tfrec.serving.indexes.quantized import Quantized

KINDS = ("exact", "ivf", "int8")
_LEAST_MARGIN, _MOST_MARGIN = 0.2, 4.0  # of `Clustered`: it reads too little, it reads everything that could matter


def build(
    kind: str, exact: Exact, queries: np.ndarray | None, k: int, recall: float = 0.95
) -> tuple[Index, dict[str, Any]]:
    """An index over the items of `exact`, and what is to be known of it.

    Args:
        kind: "exact"; "ivf", blocks of neighbours of which as few are read as the recall allows; or "int8", candidates
            from vectors of 8 bits.
        exact: what it is measured by.
        queries: (N, I, D) float32, as the model makes them; "exact" needs none.
        k: K of the recall.
        recall: the share of the K best items that "ivf" must find for these queries.

    Raises:
        InputError: where `kind` is none of these, or `recall` no share.
    """
    if kind not in KINDS:
        raise InputError(f"index is one of {', '.join(KINDS)}, got {kind!r}.")
    if not 0 < recall <= 1:
        raise InputError(f"recall is a share, above 0 and at most 1, got {recall}.")
    if kind == "exact":
        return exact, {"kind": kind, "recall": 1.0}
    vectors = exact.vectors(tf.range(exact.num_items)).numpy()
    wanted = exact.search(tf.constant(queries), tf.constant(k))[1].numpy()
    if kind == "int8":
        index = Quantized(exact, vectors)
        return index, {"kind": kind, "recall": measured_recall(index, queries, wanted)}
    withdrawn = None if exact.penalty is None else exact.penalty.numpy() < 0
    index = Clustered(vectors, withdrawn=withdrawn)
    blocks, size = index.codes.shape
    index.probes, index.margin = blocks, _LEAST_MARGIN
    while (found := measured_recall(index, queries, wanted)) < recall and index.margin < _MOST_MARGIN:
        index.margin *= 1.1
    # What the slowest query may read is bounded where that costs no more than the recall can spare.
    while index.probes > 1:
        index.probes //= 2
        if (bounded := measured_recall(index, queries, wanted)) < min(recall, found):
            index.probes = min(blocks, 2 * index.probes + 1)
            break
        found = bounded
    how = {"blocks": blocks, "block_size": size, "most_blocks_read": index.probes, "margin": round(index.margin, 4)}
    return index, {"kind": kind, "recall": found, **how}


def measured_recall(index: Index, queries: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the wanted items, (N, K), that an index finds."""
    search = tf.function(lambda some: index.search(some, tf.constant(wanted.shape[1]))[1])
    found = np.concatenate([search(queries[start : start + 64]).numpy() for start in range(0, len(queries), 64)])
    hits = [len(np.intersect1d(left, right)) for left, right in zip(found, wanted, strict=True)]
    return float(np.sum(hits) / wanted.size)
