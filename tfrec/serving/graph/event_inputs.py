"""The history inputs of a ranking model, from item codes and labels."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrec.data import FeatureSpec
from tfrec.reserved_ids import RESERVED_IDS, UNKNOWN_ID
from tfrec.serving.graph.named_inputs import Input, given_or

_COLUMN = [[0, 0], [1, 0]]


class RawEvents(tf.Module):
    """The newest events of a history, padded on the left, as in training with `tfrec.data.labelled`.

    Unknown items are dropped, and so are events with labels below `min_label`. Events without a label are kept.

    Args:
        spec: a spec with a `History`.
        with_label: whether the model reads labels.
    """

    def __init__(self, spec: FeatureSpec, with_label: bool) -> None:
        super().__init__(name="raw_events")
        self._length, self._least = spec.history.length, spec.history.min_label
        self._levels, self._with_label = np.array(spec.label_levels, np.float32), with_label
        asks = with_label or self._least is not None
        self.labels_input = Input("history_labels", tf.float32, optional=True) if asks else None

    def read(self, codes: tf.Tensor, labels: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """(B, W) codes, -1 without an item, and (B, W) labels, NaN if unknown -> the model's history inputs."""
        is_event = codes >= 0
        columns = {"history": codes + RESERVED_IDS}
        if self.labels_input is not None:
            labels = self._given(labels, tf.shape(codes))
            if self._with_label:
                columns["history_label"] = self._label_ids(labels)
            if self._least is not None:
                is_event &= tf.math.is_nan(labels) | (labels >= self._least)
        # Events move to the right in their order, which drops padding and unknown ids from between them.
        order = tf.argsort(tf.cast(is_event, tf.int32), axis=1, stable=True)
        # As narrow as the longest history allows, since each candidate is compared with each column; at least 1.
        longest = tf.reduce_max(tf.math.count_nonzero(is_event, axis=1, dtype=tf.int32))
        width = tf.clip_by_value(longest, 1, self._length)

        def newest(values: tf.Tensor) -> tf.Tensor:
            moved = tf.gather(tf.where(is_event, values, 0), order, batch_dims=1)
            return tf.pad(moved, _COLUMN)[:, -width:]

        return {name: newest(values) for name, values in columns.items()}

    def _label_ids(self, labels: tf.Tensor) -> tf.Tensor:
        """The same ids as `FeatureSpec.label_ids`, and 0 (missing) for NaN."""
        levels = tf.constant(self._levels)
        at = tf.searchsorted(levels, tf.reshape(labels, (-1,)))
        at = tf.reshape(tf.minimum(at, len(self._levels) - 1), tf.shape(labels))
        ids = tf.where(tf.gather(levels, at) == labels, at + RESERVED_IDS, UNKNOWN_ID)
        return tf.where(tf.math.is_nan(labels), 0, ids)

    @staticmethod
    def _given(labels: tf.Tensor | None, shape: tf.Tensor) -> tf.Tensor:
        """The labels, all unknown if their width is 0."""
        unknown = tf.fill(shape, np.float32(np.nan))
        if labels is None:
            return unknown
        none = tf.shape(labels)[1] == 0
        labels = tf.cond(none, lambda: unknown, lambda: given_or(labels, shape[0], "history_labels"))
        message = "history_labels must have the shape of history: one for each item, in the same order."
        tf.debugging.assert_equal(tf.shape(labels), shape, message)
        return labels
