"""iALS: matrix factorisation of implicit feedback by alternating least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from tfrec.data import FeatureSpec, Interactions
from tfrec.errors import InputError
from tfrec.evaluation.baselines.user_items import history_items, user_items, with_fallback
from tfrec.evaluation.settings import check_not_negative, check_positive, check_whole

_CELLS = 2**22  # gathered numbers at a time: 16 MB, about the size of a cache


class IALS:
    """Factorises the binary user-item matrix; pairs that were not observed have a small weight.

    With vectors w of users and h of items, S the observed pairs, and U users and V items, it minimises

        sum over S of (1 - w h)^2  +  unobserved_weight * sum over all of (w h)^2
        +  regularization * (sum over users of (n_u + unobserved_weight V)^exponent |w|^2
                             + sum over items of (n_i + unobserved_weight U)^exponent |h|^2)

    where n is the number of observed items of a user, or users of an item. Each half step solves for all vectors of one
    side exactly, with the other side fixed. exponent = 1 regularises frequent users and items more, as Rendle et al.
    recommend; exponent = 0 is plain ridge regression.

    To score a history, one such step solves for the user's vector with the item vectors fixed. This is the same for
    users who are in the training data and for new users. The order of the history does not matter. An empty history
    gets the popularity ranking.

    Args:
        train: training data.
        spec: fitted on it.
        dim: D, width of the vectors.
        regularization: above 0; .001 to .02 is usual with exponent 1.
        unobserved_weight: alpha, above 0: the weight of every pair, observed or not. With a lower value, a missing
            interaction counts less as a dislike.
        exponent: nu of the regularisation.
        epochs: number of steps over both sides.
        stddev: standard deviation of the initial values, times sqrt(D).
        seed: seed of the initial values.

    Raises:
        InputError: if the data has no known item, a setting is out of range, or the settings are so extreme that the
            equations cannot be solved in single precision.

    Attributes:
        user_vectors: (U, D) float32, of the training users that have a known item, in the order of the table.
        item_vectors: (V, D) float32; row i belongs to the id i + 2.

    Reference:
        Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008; Rendle, Krichene,
        Zhang and Koren, "Revisiting the Performance of iALS on Item Recommendation Benchmarks", RecSys 2022,
        https://arxiv.org/abs/2110.14037.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"u": [1, 1, 2, 2, 3, 3], "i": ["a", "b", "a", "b", "c", "d"]})
        >>> table = Interactions.from_pandas(frame, user="u", item="i")
        >>> spec = FeatureSpec.fit(table)
        >>> scores = IALS(table, spec, dim=2).score({"history": spec.items.encode(["c"])[None]})
        >>> spec.items.decode(sorted(scores[:, 2:].argsort(axis=1)[:, -2:].ravel() + 2))
        ['c', 'd']
    """

    name = "ials"
    reads_whole_history = True

    def __init__(
        self,
        train: Interactions,
        spec: FeatureSpec,
        dim: int = 64,
        regularization: float = 0.005,
        unobserved_weight: float = 0.1,
        exponent: float = 1.0,
        epochs: int = 16,
        stddev: float = 0.1,
        seed: int = 0,
    ) -> None:
        dim, epochs = check_whole(dim=dim, epochs=epochs)
        (seed,) = check_whole(least=0, seed=seed)
        check_positive(regularization=regularization, unobserved_weight=unobserved_weight, stddev=stddev)
        check_not_negative(exponent=exponent)
        self._regularization, self._weight, self._exponent = regularization, unobserved_weight, exponent
        self._popularity = np.asarray(spec.item_counts, np.float32)
        users = user_items(train, spec)
        items = users.T.tocsr()
        random = np.random.default_rng(seed)
        # The users are solved for first, so only the items need initial values.
        self.item_vectors = (random.standard_normal((users.shape[1], dim)) * (stddev / np.sqrt(dim))).astype(np.float32)
        for _ in range(epochs):
            self.user_vectors = self._solve(users, self.item_vectors)
            self.item_vectors = self._solve(items, self.user_vectors)

    def score(self, inputs: dict[str, Any]) -> np.ndarray:
        """The score of every id, (B, V + 2) float32."""
        items = history_items(inputs["history"], len(self.item_vectors))
        vectors = self._solve(items, self.item_vectors)
        return with_fallback(vectors @ self.item_vectors.T, items, self._popularity)

    def _solve(self, rows: scipy.sparse.csr_matrix, others: np.ndarray) -> np.ndarray:
        """The optimal vector of every row with the other side fixed, (N, D) float32.

        With the vectors V of the L items (or users) observed with a row, the optimum is
        `(alpha H^T H + ridge I + V^T V)^-1 V^T 1`. In the basis of the eigenvectors of H^T H, the first two terms are a
        diagonal matrix S for every row. So rows with L < D need only an L x L system: `S^-1 V^T (I + V S^-1 V^T)^-1 1`.
        """
        dim = others.shape[1]
        lengths = np.diff(rows.indptr)
        with np.errstate(over="ignore"):  # checked below
            ridge = self._regularization * (lengths + self._weight * len(others)) ** self._exponent
            ridge = ridge.astype(np.float32)
        values, basis = np.linalg.eigh((others.T @ others).astype(np.float64))
        common = (self._weight * np.maximum(values, 0)).astype(np.float32)
        basis = basis.astype(np.float32)
        padded = np.concatenate([others @ basis, np.zeros((1, dim), np.float32)])  # a row of zeros pads short rows
        found = np.zeros((len(lengths), dim), np.float32)
        for batch in _batches(lengths, dim):
            width = lengths[batch].max()
            at = rows.indptr[batch, None] + np.arange(width)
            inside = np.arange(width) < lengths[batch, None]
            vectors = padded[np.where(inside, rows.indices[np.where(inside, at, 0)], len(others))]  # (n, L, D)
            diagonal = common + ridge[batch, None]
            try:
                found[batch] = (_solve_short if width < dim else _solve_long)(vectors, diagonal)
            except np.linalg.LinAlgError:
                found[batch] = np.nan
        if not (np.isfinite(ridge).all() and np.isfinite(found).all()):
            raise InputError(
                f"IALS cannot solve its equations in single precision with regularization={self._regularization:g}, "
                f"unobserved_weight={self._weight:g}, exponent={self._exponent:g}: use values nearer to the defaults."
            )
        return found @ basis.T


def _solve_long(vectors: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    matrices = vectors.transpose(0, 2, 1) @ vectors
    places = np.arange(vectors.shape[2])
    matrices[:, places, places] += diagonal
    return np.linalg.solve(matrices, vectors.sum(axis=1)[:, :, None])[:, :, 0]


def _solve_short(vectors: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    scaled = vectors / np.sqrt(diagonal)[:, None, :]
    matrices = scaled @ scaled.transpose(0, 2, 1)
    places = np.arange(vectors.shape[1])
    matrices[:, places, places] += 1
    weights = np.linalg.solve(matrices, np.ones((*matrices.shape[:2], 1), np.float32))
    return (scaled.transpose(0, 2, 1) @ weights)[:, :, 0] / np.sqrt(diagonal)


def _batches(lengths: np.ndarray, dim: int) -> list[np.ndarray]:
    """Batches of the rows that are not empty, of similar length to save padding, and small enough for the cache."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    # Rows of a batch are as wide as its longest; each has L vectors and a matrix of L x L or D x D.
    costs = lengths[order] * dim + np.minimum(lengths[order], dim) ** 2
    most = max(1, _CELLS // (dim + 1))
    batches, start = [], 0
    while start < len(order):
        window = costs[start : start + most]
        end = start + max(1, int(np.searchsorted(window * np.arange(1, len(window) + 1), _CELLS, side="right")))
        batches.append(order[start:end])
        start = end
    return batches
