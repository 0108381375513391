"""The events of users, as flat arrays, and which of them stand beside a row."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrec.data.examples import Examples
from tfrec.data.feature_spec import FeatureSpec
from tfrec.data.fit_features import encode_table
from tfrec.errors import InputError


class Events:
    """Rows of the past with a high enough label, sorted by user and time.

    Args:
        known: the rows.
        spec: with a `History`.
        inputs: names of the inputs that are wanted.

    Raises:
        InputError: where the spec has no history, or the rows no users or items.
    """

    def __init__(self, known: Examples, spec: FeatureSpec, inputs: Collection[str]) -> None:
        rule = spec.history
        if rule is None or known.user_codes is None or known.item_codes is None:
            raise InputError("A history needs a spec that has one, and known rows with users and items.")
        self.known, self.rule = known, rule
        is_event = np.ones(len(known), bool) if rule.min_label is None else known.labels >= rule.min_label
        ids = spec.items.encode(known.item_ids)
        is_event &= ids[known.item_codes] > 1
        rows = np.flatnonzero(is_event)
        times = rows if known.times is None else known.times[rows]
        order = np.lexsort((rows, times, known.user_codes[rows]))
        rows = rows[order]
        self.users, self.times = known.user_codes[rows], times[order]
        self.place = np.full(len(known), -1, np.int64)  # of a row among the events
        self.place[rows] = np.arange(len(rows))
        of_items = encode_table(spec.features, "item", known.item_ids, known.items, spec.counts_by_item())
        codes = known.item_codes[rows]
        columns = {"history": ids[codes]}
        columns |= {f"history_{name}": of_items[name][codes] for name in rule.item_features}
        if rule.with_label:
            columns["history_label"] = spec.label_ids(known.labels[rows])
        missing = {f"history_{one.column}": one.missing for one in spec.features}
        self.columns = {name: tf.constant(values) for name, values in columns.items() if name in inputs}
        self.padding = {name: missing.get(name, 0) for name in self.columns}

    def bounds(self, data: Examples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each row the first event, the one after the last, and the one to leave out, or -1: (N,) int64 each."""
        users = self._user_codes(data)
        firsts = np.searchsorted(self.users, users)
        ends = np.searchsorted(self.users, users, side="right")
        skips = np.full(len(data), -1, np.int64)
        is_own = data is self.known
        if self.rule.take == "others":
            return firsts, ends, self.place.copy() if is_own else skips
        if self.known.times is not None and data.times is None:
            raise InputError("The known rows have times and the rows none: earlier events cannot be told. Give times.")
        if self.known.times is None and not is_own:
            return firsts, ends, skips  # what is known came before
        own_times = np.arange(len(data)) if self.known.times is None else data.times
        clock = np.unique(self.times)
        key = self.users.astype(np.int64) * (len(clock) + 1) + np.searchsorted(clock, self.times)
        asked = users.astype(np.int64) * (len(clock) + 1) + np.searchsorted(clock, own_times)
        return firsts, np.maximum(np.searchsorted(key, asked), firsts), skips

    def gather(self, starts: tf.Tensor, ends: tf.Tensor, skips: tf.Tensor) -> dict[str, tf.Tensor]:
        """The newest events between bounds, in the graph: name -> (B, L, ...), padded on the left."""
        is_skipped = (skips >= starts) & (skips < ends)
        lengths = ends - starts - tf.cast(is_skipped, tf.int64)
        width = tf.clip_by_value(tf.reduce_max(lengths), 1, self.rule.length)
        at = ends[:, None] + tf.range(-width, 0)
        at -= tf.cast((at <= skips[:, None]) & is_skipped[:, None], tf.int64)
        is_event = at >= starts[:, None]
        at = tf.maximum(at, 0)
        found = {}
        for name, values in self.columns.items():
            if not len(values):
                values = tf.zeros((1, *values.shape[1:]), values.dtype)
            mask = tf.reshape(is_event, tf.concat([tf.shape(is_event), tf.ones(values.shape.rank - 1, tf.int32)], 0))
            found[name] = tf.where(mask, tf.gather(values, at), tf.constant(self.padding[name], values.dtype))
        return found

    def _user_codes(self, data: Examples) -> np.ndarray:
        """The codes that the known rows have for the users of other rows; -1 for strangers."""
        if data.user_codes is None:
            return np.full(len(data), -1, np.int64)
        if data.user_ids is self.known.user_ids:
            return data.user_codes
        return pd.Index(self.known.user_ids).get_indexer(pd.Index(data.user_ids))[data.user_codes]
