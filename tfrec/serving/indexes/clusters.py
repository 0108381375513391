"""Groups of near vectors, all of at most one size."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_ROUNDS = 8
_SAMPLE = 128  # vectors a cluster that decide where it lies
_ROWS = 8_192  # compared with all centres at a time


def blocks_of(vectors: np.ndarray, size: int, seed: int = 0) -> np.ndarray:
    """Cut vectors into blocks of neighbours.

    k-means finds about V / size centres; clusters larger than a block are cut again, into equal halves along the
    direction in which they differ most, until they fit.

    Args:
        vectors: (V, D) float32.
        size: S, the most vectors of a block.
        seed: of the first centres.

    Returns:
        (N, S) int32 rows of `vectors`, each in one block; -1 where a block is not full.
    """
    assigned = _k_means(vectors, max(1, len(vectors) // size), seed)
    order = np.argsort(assigned, kind="stable")
    clusters = np.split(order, np.flatnonzero(np.diff(assigned[order])) + 1)
    blocks = [block for cluster in clusters for block in _halved(vectors, cluster, size)]
    rows = np.full((len(blocks), size), -1, np.int32)
    for row, block in zip(rows, blocks, strict=True):
        row[: len(block)] = np.sort(block)
    return rows


def _k_means(vectors: np.ndarray, number: int, seed: int) -> np.ndarray:
    """The nearest of `number` centres for each vector."""
    random = np.random.default_rng(seed)
    sample = vectors[random.permutation(len(vectors))[: number * _SAMPLE]]
    centres = sample[random.permutation(len(sample))[:number]]
    for _ in range(_ROUNDS):
        nearest = _nearest(sample, centres)
        counts = np.bincount(nearest, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, sample)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres).astype(np.float32)
    return _nearest(vectors, centres)


def _nearest(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    half_norms = tf.constant((centres**2).sum(1) / 2)
    parts = [
        tf.argmax(tf.matmul(vectors[start : start + _ROWS], centres, transpose_b=True) - half_norms, axis=1).numpy()
        for start in range(0, len(vectors), _ROWS)
    ]
    return np.concatenate(parts)


def _halved(vectors: np.ndarray, rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Rows of one cluster in blocks of at most `size`, by medians along the main direction."""
    if len(rows) <= size:
        return [rows]
    centred = vectors[rows] - vectors[rows].mean(0)
    direction = np.linalg.svd(centred[:: max(1, len(rows) // 512)], full_matrices=False)[2][0]
    order = rows[np.argsort(centred @ direction, kind="stable")]
    # Cut where full blocks end, so that at most one block of a cluster is not full.
    middle = size * max(1, round(len(rows) / size / 2))
    return _halved(vectors, order[:middle], size) + _halved(vectors, order[middle:], size)
