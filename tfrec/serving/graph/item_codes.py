"""Convert raw ids to rows of the catalogue and back, inside the graph."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from tfrec.serving.indexes.index import UNKNOWN


class ItemCodes(tf.Module):
    """Looks up raw ids in a vocabulary file, an asset of the export. The code of an item is its line number.

    Args:
        vocabulary: a text file with one id per line.
    """

    def __init__(self, vocabulary: Path) -> None:
        super().__init__(name="item_codes")
        path, whole, line = str(vocabulary), tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.codes = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(path, tf.string, whole, tf.int64, line), default_value=UNKNOWN
        )
        self.tokens = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(path, tf.int64, line, tf.string, whole), default_value=""
        )

    def encode(self, tokens: tf.Tensor) -> tf.Tensor:
        """Strings of any shape -> int32 codes, -1 for unknown ids."""
        return tf.cast(self.codes.lookup(tokens), tf.int32)

    def decode(self, codes: tf.Tensor) -> tf.Tensor:
        """Codes of any shape -> strings, "" for -1."""
        return self.tokens.lookup(tf.cast(codes, tf.int64))
