"""Measure the recall and the latency of an index."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import Index


def measured_recall(index: Index, queries: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the wanted items, (N, K), that an index finds."""
    search = tf.function(lambda some: index.search(some, tf.constant(wanted.shape[1]))[1], autograph=False)
    found = np.concatenate([search(queries[start : start + 64]).numpy() for start in range(0, len(queries), 64)])
    hits = [len(np.intersect1d(left, right)) for left, right in zip(found, wanted, strict=True)]
    return float(np.sum(hits) / wanted.size)


def measured_latency(index: Index, queries: Any, exact: Exact, k: int) -> float:
    """The median time in milliseconds of 25 single queries on this machine; random queries if none are given."""
    if queries is None:
        queries = np.random.default_rng(0).normal(size=(1, 1, exact.table.shape[1])).astype(np.float32)
    search = tf.function(lambda one: index.search(one, tf.constant(k))[1], autograph=False)
    rows = len(tf.nest.flatten(queries)[0])
    ones = [tf.nest.map_structure(lambda of, at=at: of[at : at + 1], queries) for at in range(min(rows, 25))]
    search(ones[0])  # traces
    took = []
    for number in range(25):
        one = ones[number % len(ones)]
        began = time.perf_counter()
        search(one).numpy()
        took.append(time.perf_counter() - began)
    return round(1e3 * float(np.median(took)), 3)
