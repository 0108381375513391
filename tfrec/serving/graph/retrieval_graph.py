"""The signatures of a retrieval model: vocabularies, model, filters and index in one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrec.data import FeatureSpec
from tfrec.models import RetrievalModel
from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.ops import popularity_scores
from tfrec.serving.graph import filters
from tfrec.serving.graph.item_codes import ItemCodes
from tfrec.serving.graph.named_inputs import Input, given_or, signature
from tfrec.serving.graph.raw_features import RawFeatures
from tfrec.serving.graph.user_history import User, UserHistory
from tfrec.serving.graph.user_ids import UserIds
from tfrec.serving.indexes import Exact, Index
from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN

HISTORY, ITEMS = Input("history"), Input("item_ids")
USER, OPTIONAL_HISTORY = Input("user_id", rank=1), Input("history", optional=True)
TIMESTAMPS = Input("timestamps", tf.int64, optional=True)
EXCLUDE, ALLOW = Input("exclude", optional=True), Input("allow", optional=True)


class RetrievalModule(tf.Module):
    """Raw ids in, ranked raw ids out.

    Args:
        model: a retrieval model.
        spec: the spec that it was trained with.
        codes: the vocabulary.
        index: the index that finds the best items.
        cosines: exact index by cosine with float32 vectors, for `similar_items` and `embed_items`.
        k: length of the lists, at most the number of items.
        mask_seen: exclude items of the history.
        user_ids: the vocabulary of the users, if the model reads user ids.
        features: the features of users that a request may contain, or None.
    """

    def __init__(
        self,
        model: RetrievalModel,
        spec: FeatureSpec,
        codes: ItemCodes,
        index: Index,
        cosines: Exact,
        k: int,
        mask_seen: bool = True,
        user_ids: UserIds | None = None,
        features: RawFeatures | None = None,
    ) -> None:
        super().__init__(name="retrieval")
        self.codes, self.index, self.cosines = codes, index, cosines
        self.users = UserHistory(model, spec, codes, user_ids, features)
        popularity = popularity_scores(spec.item_counts)[-spec.num_items :]
        self._withdrawn = cosines.penalty
        self._popularity = tf.constant(popularity)
        popularity = popularity if self._withdrawn is None else popularity + self._withdrawn
        order = tf.argsort(popularity, direction="DESCENDING", stable=True)
        self._popular = tf.gather(popularity, order), tf.cast(order, tf.int32)
        self._k, self._mask_seen = min(k, spec.num_items), mask_seen
        self._interests = model.num_interests
        self._scores_pairs = isinstance(model, PairScoringModel)
        # The inputs that identify a user come before, and timestamps after, the other inputs of a signature.
        self.lead = [HISTORY] if user_ids is None else [USER, OPTIONAL_HISTORY]
        self.beside = [TIMESTAMPS] if "timestamps" in model.input_names else []

    def signatures(self) -> dict[str, Any]:
        """Name -> `tf.function`, for `tf.saved_model.save`."""
        lead, beside = self.lead, self.beside
        recommend = signature(self.recommend, [*lead, *beside])
        # A model that scores pairs has no vectors of users that could be compared with those of items.
        features = [] if self.users.features is None else self.users.features.inputs
        # A separate signature: REST requests must name all inputs, and few requests have features.
        by_features = {"recommend_by_features": signature(self.recommend_by_features, [*lead, *features])}
        embed_users = {} if self._scores_pairs else {"embed_users": signature(self.embed_users, [*lead, *beside])}
        return {
            "serving_default": recommend,
            "recommend": recommend,
            "recommend_filtered": signature(self.recommend, [*required_first(lead, [EXCLUDE, ALLOW]), *beside]),
            "score": signature(self.score, [*required_first(lead, [ITEMS]), *beside]),
            **embed_users,
            **(by_features if features else {}),
            "embed_items": signature(self.embed_items, [Input("item_ids", rank=1)]),
            "similar_items": signature(self.similar_items, [Input("item_ids", rank=1)]),
        }

    # === Signatures ===

    def recommend(
        self,
        history: tf.Tensor,
        exclude: tf.Tensor | None = None,
        allow: tf.Tensor | None = None,
        timestamps: tf.Tensor | None = None,
        user_id: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """(B, L) raw ids -> item_ids (B, K) strings and scores (B, K) float32, best first."""
        return self.found(history, exclude, allow, timestamps, user_id)[1]

    def recommend_by_features(
        self, history: tf.Tensor, user_id: tf.Tensor, **features: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """As `recommend`, and also reads features of the users."""
        return self.found(history, user_id=user_id, features=features)[1]

    def found(
        self,
        history: tf.Tensor,
        exclude: tf.Tensor | None = None,
        allow: tf.Tensor | None = None,
        timestamps: tf.Tensor | None = None,
        user_id: tf.Tensor | None = None,
        features: Mapping[str, tf.Tensor] | None = None,
    ) -> tuple[User, dict[str, tf.Tensor]]:
        """The users as read, and the answer of `recommend`."""
        user = self.users.read(history, timestamps, user_id, features)
        batch, first = tf.shape(user.codes)[0], self.lead[0].name
        forbidden = user.codes if self._mask_seen else user.codes[:, :1] * 0 + UNKNOWN
        if exclude is not None:
            excluded = self.codes.encode(given_or(exclude, batch, "exclude", first))
            forbidden = tf.concat([forbidden, excluded], axis=1)
        scores, codes = self._search(user, forbidden)
        if allow is not None:
            allow = given_or(allow, batch, "allow", first)
            # A row without any id allows the whole catalogue; a row with only unknown ids allows nothing.
            named = tf.reduce_any(allow != "", axis=1, keepdims=True)
            among, their_codes = self._among(user, self.codes.encode(allow), forbidden)
            scores, codes = tf.where(named, among, scores), tf.where(named, their_codes, codes)
        return user, {"item_ids": self.codes.decode(codes), "scores": scores}

    def score(
        self,
        history: tf.Tensor,
        item_ids: tf.Tensor,
        timestamps: tf.Tensor | None = None,
        user_id: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Histories and (B, C) raw ids -> scores (B, C) float32; -inf for unknown ids."""
        user = self.users.read(history, timestamps, user_id)
        codes = self.codes.encode(given_or(item_ids, tf.shape(user.codes)[0], "item_ids", self.lead[0].name))
        return {"scores": tf.where(codes >= 0, self._scores(user, codes), FORBIDDEN)}

    def embed_users(
        self, history: tf.Tensor, timestamps: tf.Tensor | None = None, user_id: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """(B, L) raw ids -> vectors (B, D) float32, or (B, I, D) for I interests; 0 if no id is known."""
        user = self.users.read(history, timestamps, user_id)
        vectors = tf.where(user.known[:, :, None], user.queries, 0.0)
        return {"vectors": vectors if self._interests is not None else vectors[:, 0]}

    def embed_items(self, item_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """(B,) raw ids -> vectors (B, D) float32, 0 for unknown ids."""
        codes = self.codes.encode(item_ids)
        vectors = self.cosines.vectors(tf.maximum(codes, 0)[:, None])[:, 0]
        return {"vectors": tf.where(codes[:, None] >= 0, vectors, 0.0)}

    def similar_items(self, item_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """(B,) raw ids -> item_ids (B, K) of the nearest other items by cosine, and scores (B, K)."""
        codes = self.codes.encode(item_ids)[:, None]
        own = tf.maximum(codes, 0)
        vectors = self.cosines.vectors(own) * tf.gather(self.cosines.norms, own)[:, :, None]
        found, near = self.cosines.search(vectors, tf.minimum(self._k + 1, self.index.num_items))
        scores, near = filters.best(found, near, (near != codes) & (codes >= 0), self._k)
        return {"item_ids": self.codes.decode(near), "scores": scores}

    # === Shared by the signatures ===

    def _search(self, user: Any, forbidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The best of all items. The index returns more than K items, to make up for the forbidden ones."""
        numbers = tf.math.count_nonzero(forbidden >= 0, axis=1, dtype=tf.int32)
        # Each row has its own number, so that its answer does not depend on other rows: see `Index.search`.
        own = tf.minimum(self._k + numbers, self.index.num_items)
        wide = tf.reduce_max(tf.pad(own, [[0, 1]], constant_values=self._k))
        scores, codes = self.index.search(user.queries, wide, own)
        popular, their_codes = (values[None, :wide] for values in self._popular)
        scores, codes = tf.where(user.known, scores, popular), tf.where(user.known, codes, their_codes)
        # Withdrawn items have score -inf here and are never returned.
        return filters.best(scores, codes, (codes >= 0) & ~filters.is_member(codes, forbidden), self._k)

    def _among(self, user: Any, codes: tf.Tensor, forbidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The best of given items, without repetitions."""
        codes = tf.sort(tf.pad(codes, [[0, 0], [0, 1]], constant_values=UNKNOWN), axis=1)
        may = (codes >= 0) & filters.is_first(codes) & ~filters.is_member(codes, forbidden)
        if self._withdrawn is not None:
            may &= tf.gather(self._withdrawn, tf.maximum(codes, 0)) >= 0
        return filters.best(self._scores(user, codes), codes, may, self._k)

    def _scores(self, user: Any, codes: tf.Tensor) -> tf.Tensor:
        """The score of each code; an unknown code gets the score of item 0."""
        codes = tf.maximum(codes, 0)
        return tf.where(user.known, self.index.score(user.queries, codes), tf.gather(self._popularity, codes))


def required_first(lead: list[Input], further: list[Input]) -> list[Input]:
    """What names a user, with further inputs behind its first; TensorFlow wants those with a default last."""
    inputs = [lead[0], *further, *lead[1:]]
    return sorted(inputs, key=lambda one: one.optional)
