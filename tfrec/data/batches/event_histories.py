"""The events of users, as flat arrays, and the events that belong to the history of each row."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrec.data.batches.given_attention import GIVEN, attention_column
from tfrec.data.spec.feature_spec import FeatureSpec
from tfrec.data.tables.examples import Examples
from tfrec.data.tables.time_units import check_same_unit
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS


class Events:
    """Known rows with a high enough label, sorted by user and time.

    Args:
        known: the rows.
        spec: a spec with a `History`.
        inputs: names of the requested inputs.
        attention: column of the weights that the events should get in an attention, or None.

    Raises:
        InputError: if the spec has no history, or the rows have no users or items.
    """

    def __init__(
        self, known: Examples, spec: FeatureSpec, inputs: Collection[str], attention: str | None = None
    ) -> None:
        rule = spec.history
        if rule is None or known.user_codes is None or known.item_codes is None:
            raise InputError("A history needs a spec fitted with history=..., and known rows with users and items.")
        self.known, self.rule = known, rule
        is_event = np.ones(len(known), bool) if rule.min_label is None else known.labels >= rule.min_label
        ids = spec.items.encode(known.item_ids)
        is_event &= ids[known.item_codes] >= RESERVED_IDS
        rows = np.flatnonzero(is_event)
        times = rows if known.times is None else known.times[rows]
        order = np.lexsort((rows, times, known.user_codes[rows]))
        rows = rows[order]
        self.users, self.times = known.user_codes[rows], times[order]
        of_items = spec.encode_items(known.item_ids, known.items)
        self.items = codes = known.item_codes[rows]
        columns = {"history": ids[codes]}
        columns |= {f"history_{name}": of_items[name][codes] for name in rule.item_features}
        if rule.with_label:
            columns["history_label"] = spec.label_ids(known.labels[rows])
        missing = {f"history_{one.column}": one.missing for one in spec.features}
        columns = {name: values for name, values in columns.items() if name in inputs}
        if attention is not None:
            columns[GIVEN] = attention_column(known, attention)[rows]
        self.columns = {name: tf.constant(values) for name, values in columns.items()}
        self.padding = {name: missing.get(name, 0) for name in self.columns}
        self.own = np.zeros(0, np.int64)  # positions of events, grouped by user, item and time

    def bounds(self, data: Examples) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """For each row, the bounds of its events, and the bounds in `own` of the events to leave out.

        The events to leave out are the row itself: those of the same user, item and time, or of the same user and item
        if one of the tables has no times. So no row sees its own label, even if it occurs twice.

        Returns:
            first event and the one after the last, then the same for `own`: four arrays (N,) int64. `own` holds
            positions of events.
        """
        if self.known.times is not None and data.times is not None:
            check_same_unit(self.known.times, data.times)
        users = _codes_among(self.known.user_ids, data.user_ids, data.user_codes, len(data))
        firsts = np.searchsorted(self.users, users)
        ends = np.searchsorted(self.users, users, side="right")
        if self.rule.take == "earlier":
            if self.known.times is not None:
                if data.times is None:
                    raise InputError(
                        "`known` has timestamps but `data` has none, so earlier events cannot be found: add a time "
                        "column to `data`."
                    )
                none = np.zeros(len(data), np.int64)  # earlier events are other rows
                return firsts, self._earlier(users, data.times, firsts), none, none
            if data is self.known:
                ends = self._earlier(users, np.arange(len(data)), firsts)  # otherwise all known rows are earlier
        return firsts, ends, *self._own(data, users, ends)

    def _earlier(self, users: np.ndarray, times: np.ndarray, firsts: np.ndarray) -> np.ndarray:
        """(N,) position after the last event of the user before the time."""
        clock = np.unique(self.times)
        key = self.users.astype(np.int64) * (len(clock) + 1) + np.searchsorted(clock, self.times)
        wanted = users.astype(np.int64) * (len(clock) + 1) + np.searchsorted(clock, times)
        return np.maximum(np.searchsorted(key, wanted), firsts)

    def _own(self, data: Examples, users: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Group the positions of events in `own`; returns the bounds of each row's own events in it."""
        items = _codes_among(self.known.item_ids, data.item_ids, data.item_codes, len(data))
        width = len(self.known.item_ids)
        wanted = np.where((users < 0) | (items < 0), -1, users.astype(np.int64) * width + items)
        kinds, wanted = _numbered(self.users.astype(np.int64) * width + self.items, wanted)
        if self.known.times is not None and data.times is not None:
            clock, at = _numbered(self.times, data.times)
            number = int(clock.max(initial=0)) + 1
            wanted = np.where((wanted < 0) | (at < 0), -1, wanted * number + at)
            kinds, wanted = _numbered(kinds * number + clock, wanted)
        self.own = np.argsort(kinds, kind="stable")
        size = len(kinds) + 1
        key = kinds[self.own] * size + self.own
        return np.searchsorted(key, wanted * size), np.searchsorted(key, wanted * size + np.where(wanted < 0, 0, ends))

    def gather(
        self, starts: tf.Tensor, ends: tf.Tensor, own_starts: tf.Tensor, own_ends: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The newest events between bounds, in the graph: name -> (B, L, ...), padded on the left."""
        own_counts = own_ends - own_starts
        lengths = ends - starts - own_counts
        width = tf.clip_by_value(tf.reduce_max(lengths), 1, self.rule.length)
        newest_first = tf.range(width)
        # Number of other newer events for each event that is left out, the newest first: (B, S).
        turn = tf.range(tf.maximum(tf.reduce_max(own_counts), 1))
        own = tf.gather(tf.constant(np.append(self.own, 0)), tf.maximum(own_ends[:, None] - 1 - turn, 0))
        newer = tf.where(turn < own_counts[:, None], ends[:, None] - 1 - own - turn, tf.int64.max)
        ranks = tf.repeat(newest_first[None], tf.shape(starts)[0], axis=0)
        passed = tf.searchsorted(newer, ranks, side="right", out_type=tf.int64)
        at = tf.reverse(ends[:, None] - 1 - newest_first - passed, [1])
        is_event = at >= starts[:, None]
        at = tf.maximum(at, 0)
        found = {}
        for name, values in self.columns.items():
            if not len(values):
                values = tf.zeros((1, *values.shape[1:]), values.dtype)
            mask = tf.reshape(is_event, tf.concat([tf.shape(is_event), tf.ones(values.shape.rank - 1, tf.int32)], 0))
            found[name] = tf.where(mask, tf.gather(values, at), tf.constant(self.padding[name], values.dtype))
        return found


def _codes_among(known: np.ndarray, ids: np.ndarray, codes: np.ndarray | None, rows: int) -> np.ndarray:
    """The codes that the known rows use for the ids of other rows, (N,); -1 for unknown ids."""
    if codes is None:
        return np.full(rows, -1, np.int64)
    if ids is known:
        return codes
    return pd.Index(known).get_indexer(pd.Index(ids))[codes]


def _numbered(values: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct values in their order; returns the numbers of both arrays, int64, -1 for unknown values."""
    distinct, numbers = np.unique(values, return_inverse=True)
    return numbers.astype(np.int64), pd.Index(distinct).get_indexer(others).astype(np.int64)
