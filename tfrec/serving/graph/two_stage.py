"""The signatures of a two-stage export: a retrieval model finds candidates, a ranking model ranks them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrec.serving.graph.named_inputs import signature
from tfrec.serving.graph.ranking_graph import HISTORY, RankingModule
from tfrec.serving.graph.retrieval_graph import ALLOW, EXCLUDE, TIMESTAMPS, RetrievalModule
from tfrec.serving.indexes.index import FORBIDDEN


class TwoStageModule(tf.Module):
    """Raw ids and raw features in, ranked raw ids out.

    The stages exchange raw ids, so their vocabularies may differ.

    Args:
        retrieval: the module that finds the candidates; its K is their number.
        ranking: the module that scores them.
        k: length of the lists, at most the number of candidates.
        timed: whether the retrieval model reads timestamps.
    """

    def __init__(self, retrieval: RetrievalModule, ranking: RankingModule, k: int, timed: bool) -> None:
        super().__init__(name="two_stage")
        self.retrieval, self.ranking = retrieval, ranking
        self._k, self._timed = k, timed

    def signatures(self) -> dict[str, Any]:
        """Name -> `tf.function`, for `tf.saved_model.save`."""
        times = [TIMESTAMPS] if self._timed else []
        user = [*times, *self.ranking.user_inputs]
        recommend = signature(self.recommend, [HISTORY, *user])
        return {
            "serving_default": recommend,
            "recommend": recommend,
            "recommend_by_history": signature(self.recommend, [HISTORY, *times]),
            "recommend_filtered": signature(self.recommend, [HISTORY, EXCLUDE, ALLOW, *user]),
            "rank": self.ranking.signature(),
        }

    def recommend(
        self,
        history: tf.Tensor,
        exclude: tf.Tensor | None = None,
        allow: tf.Tensor | None = None,
        timestamps: tf.Tensor | None = None,
        **user: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """(B, L) raw ids -> item_ids (B, K) strings and scores (B, K) float32, best first."""
        found = self.retrieval.recommend(history, exclude, allow, timestamps)["item_ids"]
        scores = self.ranking.scores(found, history, user)
        best, at = tf.math.top_k(scores, self._k)
        return {"item_ids": tf.where(best > FORBIDDEN, tf.gather(found, at, batch_dims=1), ""), "scores": best}
