"""From a history of raw ids to query vectors."""

from __future__ import annotations

import typing

import tensorflow as tf

from tfrec.data import FeatureSpec
from tfrec.models import RetrievalModel
from tfrec.ops import PADDING_ID, RESERVED_IDS
from tfrec.serving.graph.item_codes import ItemCodes
from tfrec.serving.graph.named_inputs import given_or


class User(typing.NamedTuple):
    """What was read of a batch of histories.

    Attributes:
        codes: (B, L + 1) int32, of all items given; -1 at padding and unknown ids.
        known: (B, 1) bool, whether there is any known item.
        queries: (B, I, D) float32.
    """

    codes: tf.Tensor
    known: tf.Tensor
    queries: tf.Tensor


class UserHistory(tf.Module):
    """The model's encoder, fed with raw ids.

    Args:
        model: a retrieval model.
        spec: what it was trained with.
        codes: the vocabulary.
    """

    def __init__(self, model: RetrievalModel, spec: FeatureSpec, codes: ItemCodes) -> None:
        super().__init__(name="user_history")
        self.codes = codes
        # Only what the answers need: the state of dropout and of sampling losses stays behind.
        self.weights = [variable.value for variable in model.weights]
        types = {"history": tf.int32, "timestamps": tf.int64}
        read = {name: tf.TensorSpec((None, None), types[name], name=name) for name in model.input_names}
        # One function for all signatures: traced, saved and loaded once.
        self._embed = tf.function(
            lambda inputs: model.embed(inputs), input_signature=[read], jit_compile=False, autograph=False
        )
        self._max_length = spec.max_length
        self._num_interests = model.num_interests or 1

    def read(self, history: tf.Tensor, timestamps: tf.Tensor | None = None) -> User:
        """(B, L) raw ids, "" at padding on either side, and (B, L) seconds since 1970 where the model reads them.

        What stands beside padding or an unknown id is ignored. Time stamps of width 0 mean that none are known: all
        items then happened at once.
        """
        codes = self.codes.encode(history)
        known = codes >= 0
        # Known items move to the right in their order, which drops padding and unknown ids from between them.
        order = tf.argsort(tf.cast(known, tf.int32), axis=1, stable=True)
        column = [[0, 0], [1, 0]]  # one at least, if only of padding
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
