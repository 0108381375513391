"""From the name of an index to one that finds what was asked for."""

from __future__ import annotations

import bisect
import time
from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.errors import InputError
from tfrec.serving.indexes.clustered import Clustered
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import Index
from tfrec.serving.indexes.quantized import Quantized
from tfrec.serving.indexes.scann_tree import ScannTree, recommenders
from tfrec.serving.indexes.transposed import Transposed

_MANY = 262_144  # items whose reading takes longer than all else, so that a second copy of them pays
KINDS = ("exact", "ivf", "int8", "scann")
_MARGINS = [0.2 * 1.08**step for step in range(40)]  # of `Clustered`: from too little to all that could matter


def build(
    kind: str, exact: Exact, queries: np.ndarray | None, k: int, recall: float = 0.95
) -> tuple[Index, dict[str, Any]]:
    """An index over the items of `exact`, and what is to be known of it: recall, latency, what was chosen.

    Args:
        kind: "exact"; "ivf", blocks of neighbours of which as few are read as the recall allows; "int8", candidates
            from vectors of 8 bits; or "scann", a tree of TensorFlow Recommenders, which no stock server can load.
        exact: what it is measured by.
        queries: (N, I, D) float32, as the model makes them; "exact" needs none.
        k: K of the recall.
        recall: the share of the K best items that "ivf" and "scann" must find for these queries.

    Raises:
        InputError: where `kind` is none of these, `recall` no share, or what "scann" needs is missing.
    """
    if kind not in KINDS:
        raise InputError(f"index is one of {', '.join(KINDS)}, got {kind!r}.")
    if not 0 < recall <= 1:
        raise InputError(f"recall is a share, above 0 and at most 1, got {recall}.")
    index, how = _build(kind, exact, queries, k, recall)
    return index, {"kind": kind, **how, "milliseconds": measured_latency(index, queries, exact, k)}


def _build(kind: str, exact: Exact, queries: np.ndarray | None, k: int, recall: float) -> tuple[Index, dict[str, Any]]:
    if kind == "exact":
        columns = exact.num_items >= _MANY and exact.table.dtype == tf.float32
        return Transposed(exact) if columns else exact, {"recall": 1.0, "columns": columns}
    if kind == "scann":
        recommenders()
    vectors = exact.vectors(tf.range(exact.num_items)).numpy()
    wanted = exact.search(tf.constant(queries), tf.constant(k))[1].numpy()
    if kind == "int8":
        index = Quantized(exact, vectors)
        return index, {"recall": measured_recall(index, queries, wanted)}
    make = _clustered if kind == "ivf" else _scann
    index, found, how = make(exact, vectors, queries, wanted, recall)
    return index, {"recall": found, **how}


def _clustered(
    exact: Exact, vectors: np.ndarray, queries: np.ndarray, wanted: np.ndarray, recall: float
) -> tuple[Index, float, dict[str, Any]]:
    """Blocks of which as few are read as the recall allows."""
    withdrawn = None if exact.penalty is None else exact.penalty.numpy() < 0
    index = Clustered(vectors, withdrawn=withdrawn, usual=wanted.shape[1])
    blocks, size = index.codes.shape
    index.probes = blocks

    def found_with(margin: float) -> float:
        index.margin = margin
        return measured_recall(index, queries, wanted)

    least = bisect.bisect_left(_MARGINS[:-1], True, key=lambda margin: found_with(margin) >= recall)
    found = found_with(_MARGINS[least])
    # What the slowest query may read is bounded where that costs no more than the recall can spare.
    while index.probes > 1:
        index.probes //= 2
        if (bounded := measured_recall(index, queries, wanted)) < min(recall, found):
            index.probes = min(blocks, 2 * index.probes + 1)
            break
        found = bounded
    how = {"blocks": blocks, "block_size": size, "most_blocks_read": index.probes, "margin": round(index.margin, 4)}
    return index, found, how


def _scann(
    exact: Exact, _: np.ndarray, queries: np.ndarray, wanted: np.ndarray, recall: float
) -> tuple[Index, float, dict[str, Any]]:
    """A tree of which a sixteenth is read, or twice that and so on as the recall asks; a layer cannot be changed."""
    most = ScannTree.all_leaves(exact.num_items)
    leaves = max(1, most // 16)
    while True:
        index = ScannTree(exact, leaves)
        found = measured_recall(index, queries, wanted)
        if found >= recall or leaves == most:
            return index, found, {"leaves": most, "leaves_read": leaves, "candidates": ScannTree.CANDIDATES}
        leaves = min(most, 2 * leaves)


def measured_recall(index: Index, queries: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the wanted items, (N, K), that an index finds."""
    search = tf.function(lambda some: index.search(some, tf.constant(wanted.shape[1]))[1], autograph=False)
    found = np.concatenate([search(queries[start : start + 64]).numpy() for start in range(0, len(queries), 64)])
    hits = [len(np.intersect1d(left, right)) for left, right in zip(found, wanted, strict=True)]
    return float(np.sum(hits) / wanted.size)


def measured_latency(index: Index, queries: np.ndarray | None, exact: Exact, k: int) -> float:
    """The median time in milliseconds of 25 queries, one at a time, on this machine; drawn where none are given."""
    if queries is None:
        queries = np.random.default_rng(0).normal(size=(1, 1, exact.table.shape[1])).astype(np.float32)
    search = tf.function(lambda one: index.search(one, tf.constant(k))[1], autograph=False)
    search(queries[:1])  # traces
    took = []
    for number in range(25):
        one = queries[number % len(queries)][None]
        began = time.perf_counter()
        search(one).numpy()
        took.append(time.perf_counter() - began)
    return round(1e3 * float(np.median(took)), 3)
