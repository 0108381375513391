"""The signatures of a two-stage export: a retrieval model finds candidates, a ranking model ranks them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrec.serving.graph.named_inputs import signature
from tfrec.serving.graph.ranking_graph import RankingModule
from tfrec.serving.graph.retrieval_graph import ALLOW, EXCLUDE, RetrievalModule, required_first
from tfrec.serving.indexes.index import FORBIDDEN

# Features of a ranking model that are the user's raw id: where the retrieval model reads it, too, it is sent once.
USER_FEATURES = ("user", "user_id")


class TwoStageModule(tf.Module):
    """Raw ids and raw features in, ranked raw ids out.

    The stages exchange raw ids, so their vocabularies may differ.

    Args:
        retrieval: the module that finds the candidates; its K is their number.
        ranking: the module that scores them.
        k: length of the lists, at most the number of candidates.
    """

    def __init__(self, retrieval: RetrievalModule, ranking: RankingModule, k: int) -> None:
        super().__init__(name="two_stage")
        self.retrieval, self.ranking = retrieval, ranking
        self._k = k
        reads_users = retrieval.lead[0].name == "user_id"
        self._fed = [one.name for one in ranking.user_inputs if reads_users and one.name in USER_FEATURES]

    def signatures(self) -> dict[str, Any]:
        """Name -> `tf.function`, for `tf.saved_model.save`."""
        lead, times = self.retrieval.lead, self.retrieval.beside
        user = [*times, *(one for one in self.ranking.user_inputs if one.name not in self._fed)]
        recommend = signature(self.recommend, [*lead, *user])
        return {
            "serving_default": recommend,
            "recommend": recommend,
            "recommend_by_history": signature(self.recommend, [*lead, *times]),
            "recommend_filtered": signature(self.recommend, [*required_first(lead, [EXCLUDE, ALLOW]), *user]),
            "rank": self.ranking.signature(),
        }

    def recommend(
        self,
        history: tf.Tensor,
        exclude: tf.Tensor | None = None,
        allow: tf.Tensor | None = None,
        timestamps: tf.Tensor | None = None,
        user_id: tf.Tensor | None = None,
        **user: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """(B, L) raw ids -> item_ids (B, K) strings and scores (B, K) float32, best first."""
        read, answer = self.retrieval.found(history, exclude, allow, timestamps, user_id)
        found = answer["item_ids"]
        scores = self.ranking.scores(found, read.history, {**user, **dict.fromkeys(self._fed, user_id)})
        best, at = tf.math.top_k(scores, self._k)
        return {"item_ids": tf.where(best > FORBIDDEN, tf.gather(found, at, batch_dims=1), ""), "scores": best}
