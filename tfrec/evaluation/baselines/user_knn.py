"""User k-nearest neighbours: items of similar users."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from tfrec.data import FeatureSpec, Interactions
from tfrec.evaluation.baselines.user_items import history_items, user_items, with_fallback
from tfrec.evaluation.settings import check_not_negative, check_whole

_CELLS = 2**25  # similarities held at a time: 128 MB


class UserKNN:
    """Scores an item by the summed similarity of the most similar training users who have it.

    The similarity of a history x and a training user v is the cosine of their sets of items, with a term that shrinks
    the similarity of small sets: `|x & v| / (sqrt(|x| |v|) + shrinkage)`. The neighbours are the k training users with
    the highest similarity above 0. Training users whose items are all in the history, such as the user's own row, are
    left out, because they add no item. Only the history is read, so users who are not in the training data are scored
    like all others. A history without neighbours gets the popularity ranking.

    Args:
        train: training data.
        spec: fitted on it.
        k: number of neighbours.
        shrinkage: at least 0; 0 gives the cosine.

    Reference:
        Herlocker et al., "An Algorithmic Framework for Performing Collaborative Filtering", SIGIR 1999; the shrinkage
        is as in Ferrari Dacrema et al., "Are We Really Making Much Progress?", RecSys 2019.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"u": [1, 1, 2, 2, 3, 3], "i": ["a", "b", "a", "b", "c", "d"]})
        >>> table = Interactions.from_pandas(frame, user="u", item="i")
        >>> spec = FeatureSpec.fit(table)
        >>> scores = UserKNN(table, spec, k=1).score({"history": spec.items.encode(["c"])[None]})
        >>> spec.items.decode(scores[:, 2:].argsort(axis=1)[:, -2:].ravel() + 2)
        ['c', 'd']
    """

    name = "user-knn"
    reads_whole_history = True

    def __init__(self, train: Interactions, spec: FeatureSpec, k: int = 100, shrinkage: float = 10.0) -> None:
        (self._k,) = check_whole(k=k)
        check_not_negative(shrinkage=shrinkage)
        self._shrinkage = float(shrinkage)
        self._users = user_items(train, spec)
        self._by_item = self._users.T.tocsr()
        self._lengths = np.diff(self._users.indptr).astype(np.float32)
        self._popularity = np.asarray(spec.item_counts, np.float32)

    def score(self, inputs: dict[str, Any]) -> np.ndarray:
        """The score of every id, (B, V + 2) float32."""
        items = history_items(inputs["history"], self._users.shape[1])
        rows = max(1, _CELLS // self._users.shape[0])
        parts = [self._neighbours(items[start : start + rows]) for start in range(0, items.shape[0], rows)]
        neighbours = scipy.sparse.vstack(parts).tocsr()
        scores = (neighbours @ self._users).toarray()
        # An empty row here is a history without neighbours, even if the history has items.
        return with_fallback(scores, neighbours, self._popularity)

    def _neighbours(self, items: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
        """Similarities with the k nearest training users, (B, U)."""
        common = (items @ self._by_item).toarray()
        common[common == self._lengths] = 0
        lengths = np.diff(items.indptr).astype(np.float32)[:, None]
        similarities = common / np.maximum(np.sqrt(lengths * self._lengths) + self._shrinkage, 1e-9)
        if self._k < similarities.shape[1]:
            # The sort is stable: among equal users the first is taken, in every batch.
            others = np.argsort(-similarities, axis=1, kind="stable")[:, self._k :]
            np.put_along_axis(similarities, others, 0, axis=1)
        return scipy.sparse.csr_matrix(similarities)
