"""Convert raw user ids to the integer ids that a model reads, inside the graph."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from tfrec.reserved_ids import RESERVED_IDS, UNKNOWN_ID


class UserIds(tf.Module):
    """Looks up raw user ids in a vocabulary file, which becomes an asset of the export.

    Args:
        vocabulary: a text file with one id per line.
    """

    def __init__(self, vocabulary: Path) -> None:
        super().__init__(name="user_ids")
        whole, line = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.lines = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(str(vocabulary), tf.string, whole, tf.int64, line),
            default_value=UNKNOWN_ID - RESERVED_IDS,
        )

    def encode(self, raw: tf.Tensor) -> tf.Tensor:
        """(B,) strings -> (B,) int32 ids, 1 for users who are not in the vocabulary."""
        return tf.cast(self.lines.lookup(raw), tf.int32) + RESERVED_IDS
