"""Encode a history of raw ids as query vectors."""

from __future__ import annotations

import typing

import tensorflow as tf

from tfrec.data import FeatureSpec
from tfrec.models import RetrievalModel
from tfrec.ops import PADDING_ID, RESERVED_IDS
from tfrec.serving.graph.item_codes import ItemCodes
from tfrec.serving.graph.named_inputs import given_or


class User(typing.NamedTuple):
    """A batch of encoded histories.

    Attributes:
        codes: (B, L + 1) int32 item codes; -1 for padding and unknown ids.
        known: (B, 1) bool, whether the history has a known item.
        queries: (B, I, D) float32 query vectors.
    """

    codes: tf.Tensor
    known: tf.Tensor
    queries: tf.Tensor


class UserHistory(tf.Module):
    """The model's encoder of histories, with raw ids as input.

    Args:
        model: a retrieval model.
        spec: the spec that it was trained with.
        codes: the vocabulary.
    """

    def __init__(self, model: RetrievalModel, spec: FeatureSpec, codes: ItemCodes) -> None:
        super().__init__(name="user_history")
        self.codes = codes
        # Only the weights: the export does not need the state of dropout and of sampling losses.
        self.weights = [variable.value for variable in model.weights]
        types = {"history": tf.int32, "timestamps": tf.int64}
        read = {name: tf.TensorSpec((None, None), types[name], name=name) for name in model.input_names}
        # One function for all signatures, which is traced, saved and loaded once.
        self._embed = tf.function(
            lambda inputs: model.embed(inputs), input_signature=[read], jit_compile=False, autograph=False
        )
        self._max_length = spec.max_length
        self._num_interests = model.num_interests or 1

    def read(self, history: tf.Tensor, timestamps: tf.Tensor | None = None) -> User:
        """(B, L) raw ids, "" for padding on either side, and (B, L) seconds since 1970 if the model reads timestamps.

        Timestamps of padding and unknown ids are ignored. Timestamps of width 0 are unknown: all items then have the
        same time.
        """
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
        newest = {name: values[:, -self._max_length :] for name, values in inputs.items()}
        vectors = self._embed(newest)
        queries = tf.reshape(vectors, (-1, self._num_interests, vectors.shape[-1]))
        return User(tf.pad(codes, column, constant_values=-1), tf.reduce_any(known, axis=1, keepdims=True), queries)

    @staticmethod
    def _stamps(timestamps: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        none = tf.shape(timestamps)[1] == 0
        stamps = tf.cond(none, lambda: tf.zeros(shape, tf.int64), lambda: given_or(timestamps, shape[0], "timestamps"))
        message = "timestamps must have the shape of history: one for each item, in the same order."
        tf.debugging.assert_equal(tf.shape(stamps), shape, message)
        return stamps
