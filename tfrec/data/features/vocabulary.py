"""Map raw ids to integer ids and back, stored in a text file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS, UNKNOWN_ID


class Vocabulary:
    """An ordered set of raw ids. The first has id 2; id 0 is padding, id 1 is out of vocabulary.

    Args:
        tokens: distinct, non-empty strings without line breaks.

    Raises:
        InputError: if a token is repeated, empty, or holds a line break or NUL.

    Example:
        >>> words = Vocabulary(["b", "a"])
        >>> words.encode(["a", "b", "?"]).tolist(), words.decode([3, 0, 1])
        ([3, 2, 1], ['a', '', ''])
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = np.array(list(tokens), dtype=object)
        self._index = pd.Index(self.tokens)
        if not self._index.is_unique:
            raise InputError(f"The vocabulary holds '{self._index[self._index.duplicated()][0]}' twice.")
        bad = [token for token in self.tokens if not token or "\n" in token or "\r" in token or "\x00" in token]
        if bad:
            raise InputError(f"A vocabulary cannot hold {bad[0]!r}: ids must not be empty or hold a line break or NUL.")

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Integer ids, int32; 1 for unknown tokens."""
        tokens = tokens if isinstance(tokens, np.ndarray) else np.array(list(tokens), dtype=object)
        if not len(self) or not len(tokens):
            return np.full(len(tokens), UNKNOWN_ID, np.int32)
        found = self._index.get_indexer(pd.Index(tokens, dtype=object))
        return np.where(found >= 0, found + RESERVED_IDS, UNKNOWN_ID).astype(np.int32)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Raw ids; "" for padding and unknown ids."""
        return [self.tokens[i - RESERVED_IDS] if i >= RESERVED_IDS else "" for i in ids]

    def save(self, path: Path) -> None:
        """Write one token per line, UTF-8; the first line is id 2."""
        path.write_text("".join(f"{token}\n" for token in self.tokens), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote."""
        return cls(path.read_bytes().decode("utf-8").removesuffix("\n").split("\n") if path.stat().st_size else [])

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and np.array_equal(self.tokens, other.tokens)

    __hash__ = None

    def __contains__(self, token: str) -> bool:
        return token in self._index
