"""Graph filters: collaborative filtering on the graph of users and items, without training."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from tfrec.data import FeatureSpec, Interactions
from tfrec.evaluation.baselines.user_items import history_items, user_items, with_fallback
from tfrec.evaluation.settings import check_not_negative, check_whole


class GraphFilter:
    """Scores the items by a fixed filter of the history over the graph of users and items.

    With X the binary user-item matrix and D_U, D_I the numbers of items of each user and of users of each item:

    ```
    N = D_U^-1/2 X D_I^-1/2          P = N^T N                 similarity of items, (V, V), never stored
    blurred(x)  = x P + low_pass x D_I^-1/2 V_r V_r^T D_I^1/2  V_r: the first r right singular vectors of N
    score(x)    = blurred(x) - sharpening blurred(x) P
    ```

    The first term propagates the history to similar items. The second is its smoothest part, as in a factorisation of
    rank r. Sharpening subtracts what is smooth over the whole graph, which is mostly popularity. A score costs two or
    four sparse products, whose time is proportional to the number of interactions; a batch holds dense rows of (B, U)
    and (B, V). Each user, also one who is not in the training data, is represented by the row x of the history. The
    order of the history does not matter. An empty history gets the popularity ranking.

    Args:
        train: training data.
        spec: fitted on it.
        low_pass: weight of the smoothest part, at least 0.
        rank: r, number of singular vectors of the smoothest part; at most the number of users or items minus one.
        sharpening: at least 0; 0 is the filter of GF-CF. Up to 1 is useful.

    Raises:
        InputError: if a setting is invalid, or no item of the data is in the vocabulary.

    Reference:
        Shen et al., "How Powerful is Graph Convolution for Recommendation?" (GF-CF), CIKM 2021, arXiv 2108.07567.
        Choi et al., "Blurring-Sharpening Process Models for Collaborative Filtering" (BSPM), SIGIR 2023, arXiv
        2211.09324: this is one step of its blurring and one of its sharpening, with an early merge.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"u": [1, 1, 2, 2, 3, 3], "i": ["a", "b", "a", "b", "c", "d"]})
        >>> table = Interactions.from_pandas(frame, user="u", item="i")
        >>> spec = FeatureSpec.fit(table)
        >>> scores = GraphFilter(table, spec, rank=2).score({"history": spec.items.encode(["c"])[None]})
        >>> sorted(spec.items.decode(scores[0, 2:].argsort()[-2:] + 2))
        ['c', 'd']
    """

    name = "graph-filter"
    reads_whole_history = True

    def __init__(
        self, train: Interactions, spec: FeatureSpec, low_pass: float = 0.3, rank: int = 256, sharpening: float = 0.5
    ) -> None:
        (rank,) = check_whole(rank=rank)
        check_not_negative(low_pass=low_pass, sharpening=sharpening)
        matrix = user_items(train, spec)
        self._low_pass, self._sharpening = float(low_pass), float(sharpening)
        of_users, self._of_items = (
            (1 / np.sqrt(np.maximum(np.asarray(matrix.sum(axis=axis)).ravel(), 1))).astype(np.float32)
            for axis in (1, 0)
        )
        self._edges = (scipy.sparse.diags(of_users) @ matrix @ scipy.sparse.diags(self._of_items)).tocsr()
        self._by_item = self._edges.T.tocsr()
        self._smooth = _right_singular_vectors(self._edges, rank) if low_pass else None
        self._popularity = np.asarray(spec.item_counts, np.float32)

    def score(self, inputs: dict[str, Any]) -> np.ndarray:
        """The score of every id, (B, V + 2) float32."""
        items = history_items(inputs["history"], len(self._of_items))
        scores = ((items @ self._by_item) @ self._edges).toarray()
        if self._smooth is not None:
            part = (items @ scipy.sparse.diags(self._of_items)) @ self._smooth.T
            scores += self._low_pass * (part @ self._smooth) / self._of_items
        if self._sharpening:
            scores -= self._sharpening * (self._by_item @ (self._edges @ scores.T)).T
        return with_fallback(scores, items, self._popularity)


def _right_singular_vectors(matrix: scipy.sparse.csr_matrix, rank: int) -> np.ndarray:
    """The right singular vectors of the largest singular values, (r, V) float32."""
    rank = min(rank, min(matrix.shape) - 1)
    if rank < 1:
        return np.ones((1, matrix.shape[1]), np.float32) / np.sqrt(matrix.shape[1], dtype=np.float32)
    # In double precision: in single, the iteration does not end for some small matrices.
    _, _, vectors = scipy.sparse.linalg.svds(matrix.astype(np.float64), k=rank, random_state=0)
    return np.ascontiguousarray(vectors, np.float32)
