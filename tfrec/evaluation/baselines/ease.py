"""EASE: a linear autoencoder over items, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.lapack
import scipy.sparse

from tfrec import environment
from tfrec.data import FeatureSpec, Interactions
from tfrec.errors import InputError
from tfrec.evaluation.baselines.user_items import history_items, user_items, with_fallback
from tfrec.evaluation.settings import check_positive

_DOUBLE_UP_TO = 10_000  # items; a larger matrix is inverted in single precision, which halves time and memory
_BLOCK = 1024  # columns handled at a time


class EASE:
    """Scores the items by a linear map of the history, `score = x B`, learned in closed form.

    B minimises `|X - X B|^2 + regularization |B|^2` under the constraint `diag(B) = 0`, so no item predicts itself:
    with `P = (X^T X + regularization I)^-1`, `B[i, j] = -P[i, j] / P[j, j]` for i != j. X is the binary user-item
    matrix. There is no vector per user: each user, also one who is not in the training data, is represented by the row
    x of the history. The order of the history does not matter. An empty history gets the popularity ranking.

    The matrix is dense, V x V, so EASE suits catalogues of up to some ten thousand items.

    Args:
        train: training data.
        spec: fitted on it.
        regularization: above 0; 100 to 1000 is usual, with larger values for more users.

    Attributes:
        weights: B, (V, V) float32; row and column i belong to the id i + 2.

    Raises:
        InputError: if the matrix takes more than half of the machine's memory.

    Reference:
        Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, https://arxiv.org/abs/1905.03375.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"u": [1, 1, 2, 2, 3, 3], "i": ["a", "b", "a", "b", "c", "d"]})
        >>> table = Interactions.from_pandas(frame, user="u", item="i")
        >>> spec = FeatureSpec.fit(table)
        >>> scores = EASE(table, spec, regularization=1).score({"history": spec.items.encode(["a"])[None]})
        >>> spec.items.decode(scores.argmax(axis=1))
        ['b']
    """

    name = "ease"
    reads_whole_history = True

    def __init__(self, train: Interactions, spec: FeatureSpec, regularization: float = 250.0) -> None:
        check_positive(regularization=regularization)
        check_memory_of_ease(spec.num_items)
        matrix = user_items(train, spec)
        gram = _gram(matrix)
        gram[np.diag_indices_from(gram)] += regularization
        inverse = _inverse(gram, regularization)
        scale = -1.0 / np.diagonal(inverse)
        for start in range(0, len(inverse), _BLOCK):
            inverse[:, start : start + _BLOCK] *= scale[start : start + _BLOCK]
        inverse[np.diag_indices_from(inverse)] = 0
        self.weights = np.asarray(inverse, np.float32)
        self._popularity = np.asarray(spec.item_counts, np.float32)

    def score(self, inputs: dict[str, Any]) -> np.ndarray:
        """The score of every id, (B, V + 2) float32."""
        items = history_items(inputs["history"], len(self.weights))
        return with_fallback(items.toarray() @ self.weights, items, self._popularity)


def check_memory_of_ease(num_items: int) -> None:
    """Raise `InputError` if the matrix takes more than half of the machine's memory."""
    needed = num_items**2 * _type_of(num_items).itemsize
    there = environment.memory()
    if there is not None and needed > there / 2:
        raise InputError(
            f"EASE inverts a dense matrix of {num_items:,} x {num_items:,} items, which takes {needed / 1e9:,.1f} GB: "
            f"more than half of this machine's {there / 1e9:,.1f} GB. Drop rare items (min_item_count, "
            "--min-item-count), or use IALS or ItemToItem, which do not need that matrix."
        )


def _type_of(num_items: int) -> np.dtype:
    return np.dtype(np.float64 if num_items <= _DOUBLE_UP_TO else np.float32)


def _gram(matrix: scipy.sparse.csr_matrix) -> np.ndarray:
    """X^T X, dense, in the column order that LAPACK overwrites in place."""
    num_items = matrix.shape[1]
    gram = np.empty((num_items, num_items), _type_of(num_items), order="F")
    by_item, columns = matrix.T.tocsr(), matrix.tocsc()
    for start in range(0, num_items, _BLOCK):
        gram[:, start : start + _BLOCK] = (by_item @ columns[:, start : start + _BLOCK]).toarray()
    return gram


def _inverse(gram: np.ndarray, regularization: float) -> np.ndarray:
    """The inverse of a positive definite matrix, in its own memory."""
    factor, inverse = scipy.linalg.lapack.get_lapack_funcs(("potrf", "potri"), (gram,))
    gram, failed = factor(gram, lower=True, overwrite_a=True, clean=False)
    if not failed:
        gram, failed = inverse(gram, lower=True, overwrite_c=True)
    if failed:
        raise InputError(
            f"EASE cannot invert its matrix with regularization={regularization:g}: use a larger value, such as 100."
        )
    for start in range(0, len(gram), _BLOCK):  # LAPACK fills the lower triangle only
        end = start + _BLOCK
        gram[start:end, end:] = gram[end:, start:end].T
        square = gram[start:end, start:end]
        square[:] = np.tril(square) + np.tril(square, -1).T
    return gram
