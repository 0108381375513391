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


def build(kind: str, exact: Exact, queries: np.ndarray, k: int, recall: float = 0.95) -> tuple[Index, dict[str, Any]]:
    """An index over the items of `exact`, and what is to be known of it.

    Args:
        kind: "exact"; "ivf", blocks of neighbours of which as few are read as the recall allows; or "int8", candidates
            from vectors of 8 bits.
        exact: what it is measured by.
        queries: (N, I, D) float32, as the model makes them.
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
    index = Clustered(vectors)
    most, index.probes = index.centres.shape[0], 1
    while (found := measured_recall(index, queries, wanted)) < recall and index.probes < most:
        index.probes = min(most, max(index.probes + 1, int(1.25 * index.probes)))
    return index, {
        "kind": kind,
        "recall": found,
        "blocks": most,
        "block_size": index.codes.shape[1],
        "probes": index.probes,
    }


def measured_recall(index: Index, queries: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the wanted items, (N, K), that an index finds."""
    found = index.search(tf.constant(queries), tf.constant(wanted.shape[1]))[1].numpy()
    hits = [len(np.intersect1d(left, right)) for left, right in zip(found, wanted, strict=True)]
    return float(np.sum(hits) / wanted.size)
