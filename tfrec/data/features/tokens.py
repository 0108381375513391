"""Map texts to ids: by a vocabulary, or by a hash if there are too many."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrec.data.features.vocabulary import Vocabulary
from tfrec.data.tables.ids import encode_ids
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Ids of texts: 0 is missing, 1 is unseen; with a hash, no text is unseen.

    Args:
        vocabulary: most frequent first, or None.
        hash_buckets: ids are 2 + FarmHash64(text) mod hash_buckets, or None. The graph of an export computes the same.

    Example:
        >>> Tokens(Vocabulary(["b", "a"])).encode(["a", None, "?", "b"]).tolist()
        [3, 0, 1, 2]
    """

    vocabulary: Vocabulary | None
    hash_buckets: int | None = None

    @classmethod
    def fit(cls, values: list | np.ndarray | pd.Series, min_count: int, hash_buckets: int | None) -> Tokens:
        """A vocabulary of the values that occur at least `min_count` times, or a hash if `hash_buckets` is given."""
        if hash_buckets is not None:
            return cls(None, hash_buckets)
        codes, texts = encode_ids(values)
        counts = np.bincount(codes[codes >= 0], minlength=len(texts))
        order = np.argsort(
            texts, kind="stable"
        )  # objects: in an array of strings each text would take the memory of the longest
        order = order[np.argsort(-counts[order], kind="stable")]
        return cls(Vocabulary(texts[order[counts[order] >= min_count]]))

    @property
    def size(self) -> int:
        """Ids run from 0 to size - 1."""
        return RESERVED_IDS + (self.hash_buckets if self.vocabulary is None else len(self.vocabulary))

    def encode(self, values: list | np.ndarray | pd.Series) -> np.ndarray:
        """Raw values of any type, N -> (N,) int32."""
        codes, texts = encode_ids(values)
        if self.vocabulary is None:
            given = tf.constant([text.encode() for text in texts], tf.string, shape=(len(texts),))
            ids = RESERVED_IDS + tf.strings.to_hash_bucket_fast(given, self.hash_buckets).numpy()
        else:
            ids = self.vocabulary.encode(texts)
        return np.append(ids, 0).astype(np.int32)[codes]  # code -1, missing, reads the last entry


def check_tokens(column: str, min_count: int, hash_buckets: int | None) -> None:
    """Raise `InputError` if `min_count` or `hash_buckets` is invalid."""
    if not isinstance(min_count, int) or min_count < 1:
        raise InputError(f"min_count of the feature '{column}' must be a positive integer, got {min_count!r}.")
    if hash_buckets is not None and (not isinstance(hash_buckets, int) or hash_buckets < 1):
        raise InputError(
            f"hash_buckets of the feature '{column}' must be a positive integer or None, got {hash_buckets!r}."
        )
