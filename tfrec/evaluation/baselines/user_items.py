"""The binary user-item matrix of a table or of a batch of histories, and the form of the scores of all baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from tfrec.data import FeatureSpec, Interactions
from tfrec.data.batches.histories import histories
from tfrec.data.tables.kinds import check_kind
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS


def user_items(train: Interactions, spec: FeatureSpec) -> scipy.sparse.csr_matrix:
    """The user-item matrix, (U, V) float32: 1 if the user has the item, else 0. Column i is the id i + 2.

    Users without a known item have no row.

    Raises:
        InputError: if no item of the table is in the vocabulary.
    """
    check_kind(train, (Interactions,), "The training data of a baseline")
    ids, starts, ends = histories(train, spec)
    if not len(ids):
        raise InputError(
            f"None of the items of {train!r} is in the vocabulary of the FeatureSpec: fit the spec on this table."
        )
    lengths = (ends - starts)[ends > starts]
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return _binary(rows, ids, (len(lengths), spec.num_items))


def history_items(history: Any, num_items: int) -> scipy.sparse.csr_matrix:
    """The same for a batch of histories, (B, L) ids -> (B, V)."""
    history = np.asarray(history)
    rows, places = np.nonzero(history >= RESERVED_IDS)
    return _binary(rows, history[rows, places], (len(history), num_items))


def with_fallback(scores: np.ndarray, histories: scipy.sparse.csr_matrix, popularity: np.ndarray) -> np.ndarray:
    """Scores of all ids, (B, V) -> (B, V + 2) float32: -inf for the ids 0 and 1, popularity for empty histories."""
    found = np.empty((scores.shape[0], scores.shape[1] + RESERVED_IDS), np.float32)
    found[:, :RESERVED_IDS] = -np.inf
    found[:, RESERVED_IDS:] = scores
    found[np.diff(histories.indptr) == 0, RESERVED_IDS:] = popularity
    return found


def _binary(rows: np.ndarray, ids: np.ndarray, shape: tuple[int, int]) -> scipy.sparse.csr_matrix:
    matrix = scipy.sparse.csr_matrix((np.ones(len(ids), np.float32), (rows, ids - RESERVED_IDS)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix
