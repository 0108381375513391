"""Encode a history of raw ids, and the user's id, as query vectors."""

from __future__ import annotations

import typing
from collections.abc import Mapping

import tensorflow as tf

from tfrec.data import FeatureSpec
from tfrec.models import RetrievalModel
from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.ops import PADDING_ID, RESERVED_IDS
from tfrec.serving.graph.item_codes import ItemCodes
from tfrec.serving.graph.named_inputs import given_or
from tfrec.serving.graph.raw_features import RawFeatures
from tfrec.serving.graph.user_ids import UserIds


class User(typing.NamedTuple):
    """A batch of encoded users.

    Attributes:
        codes: (B, L + 1) int32 item codes; -1 for padding and unknown ids.
        known: (B, 1) bool, whether the model can answer: it knows the user, or an item of the history.
        queries: (B, I, D) float32 query vectors; for a model that scores pairs, the output of its `call`.
        history: (B, L) raw ids.
    """

    codes: tf.Tensor
    known: tf.Tensor
    queries: typing.Any
    history: tf.Tensor


class UserHistory(tf.Module):
    """The model's encoder of histories, with raw ids as input.

    Args:
        model: a retrieval model.
        spec: the spec that it was trained with.
        codes: the vocabulary of the items.
        user_ids: the vocabulary of the users, if the model reads user ids.
        features: the features of users that a request may contain, or None.
    """

    def __init__(
        self,
        model: RetrievalModel,
        spec: FeatureSpec,
        codes: ItemCodes,
        user_ids: UserIds | None = None,
        features: RawFeatures | None = None,
    ) -> None:
        super().__init__(name="user_history")
        self.codes, self.user_ids, self.features = codes, user_ids, features
        # Only the weights: the export does not need the state of dropout and of sampling losses.
        unserved = {id(weight) for weight in model.unserved_weights}
        self.weights = [variable.value for variable in model.weights if id(variable) not in unserved]
        types = {"timestamps": tf.int64}
        read = {
            name: tf.TensorSpec((None,) if name == "user" else (None, None), types.get(name, tf.int32), name=name)
            for name in dict.fromkeys(["history", *model.input_names])
        }
        self._embed = _encoder(model, read)
        self._embed_with_features = None if features is None else _encoder(model, read | features.encoded_specs())
        self._max_length = spec.max_length
        # The query of a model that scores pairs is only for its own network.
        self._num_interests = None if isinstance(model, PairScoringModel) else model.num_interests or 1

    def read(
        self,
        history: tf.Tensor,
        timestamps: tf.Tensor | None = None,
        user_id: tf.Tensor | None = None,
        features: Mapping[str, tf.Tensor] | None = None,
    ) -> User:
        """(B, L) raw ids, "" for padding on either side, and (B, L) seconds since 1970 if the model reads timestamps.

        With (B,) raw user ids, the history has a row for each user or one row for all. Features are raw values by the
        name of an input.

        Timestamps of padding and unknown ids are ignored. Timestamps of width 0 are unknown: all items then have the
        same time.
        """
        if user_id is not None:
            history = given_or(history, tf.shape(user_id)[0], "history", "user_id")
        codes = self.codes.encode(history)
        known = codes >= 0
        # Known items move to the right in their order, which drops padding and unknown ids from between them.
        order = tf.argsort(tf.cast(known, tf.int32), axis=1, stable=True)
        column = [[0, 0], [1, 0]]  # at least one column, of padding
        inputs = {
            "history": tf.pad(tf.gather(tf.where(known, codes + RESERVED_IDS, PADDING_ID), order, batch_dims=1), column)
        }
        if timestamps is not None:
            stamps = tf.where(known, self._stamps(timestamps, tf.shape(history)), tf.zeros((), tf.int64))
            inputs["timestamps"] = tf.pad(tf.gather(stamps, order, batch_dims=1), column)
        read = {name: values[:, -self._max_length :] for name, values in inputs.items()}
        if user_id is not None:
            read["user"] = self.user_ids.encode(user_id)
        if features is None:
            queries, answered = self._embed(read)
        else:
            read |= self.features.read(features, tf.shape(history)[0])
            queries, answered = self._embed_with_features(read)
        if self._num_interests is not None:
            queries = tf.reshape(queries, (-1, self._num_interests, queries.shape[-1]))
        return User(tf.pad(codes, column, constant_values=-1), answered[:, None], queries, history)

    @staticmethod
    def _stamps(timestamps: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        none = tf.shape(timestamps)[1] == 0
        stamps = tf.cond(none, lambda: tf.zeros(shape, tf.int64), lambda: given_or(timestamps, shape[0], "timestamps"))
        message = "timestamps must have the shape of history: one for each item, in the same order."
        tf.debugging.assert_equal(tf.shape(stamps), shape, message)
        return stamps


def _encoder(model: RetrievalModel, read: Mapping[str, tf.TensorSpec]) -> typing.Any:
    """The queries of rows, and which rows the model can answer: one function for all signatures, traced once."""
    return tf.function(
        lambda inputs: (model.embed(inputs), _is_known(model, inputs)),
        input_signature=[dict(read)],
        jit_compile=False,
        autograph=False,
    )


def _is_known(model: RetrievalModel, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
    found = model.is_known(inputs)
    return tf.reduce_any(inputs["history"] >= RESERVED_IDS, axis=1) if found is None else found
