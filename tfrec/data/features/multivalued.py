"""Features with several values per cell."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np
import pandas as pd

from tfrec.data.features.feature import Feature
from tfrec.data.features.tokens import Tokens, check_tokens
from tfrec.data.tables.ids import id_text
from tfrec.errors import InputError

_NO_VALUES = (list, tuple, set, frozenset, dict, np.ndarray)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiValued(Feature):
    """Several values in one cell, such as the genres of a film or the tags of a post.

    A cell is a list, a set, or a text with a separator. 7, 7.0 and "7" are the same value. Empty values are ignored; a
    cell without values is missing and encoded as zeros. If a cell has more than `max_values` values, the first are
    kept.

    Attributes:
        separator: separator of the values in a text.
        max_values: M, the maximum number of values; None means the longest cell of the training data, up to 32.
        min_count: rarer values count as unseen.
        hash_buckets: number of buckets to hash values into, without a vocabulary.
        tokens: the mapping to ids; set by `fit`.

    Example:
        >>> feature = MultiValued("genres").fit(pd.Series(["Drama|War", "War", ""]))
        >>> feature.encode(pd.Series(["War|Western", ["Drama"], None])).tolist()
        [[2, 1], [3, 0], [0, 0]]
    """

    kind = "multivalued"
    dtype = np.int32
    missing = 0

    separator: str = "|"
    max_values: int | None = None
    min_count: int = 1
    hash_buckets: int | None = None
    tokens: Tokens | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tokens(self.column, self.min_count, self.hash_buckets)
        if not isinstance(self.separator, str) or not self.separator:
            raise InputError(f"separator of the feature '{self.column}' must be a text, got {self.separator!r}.")
        if self.max_values is not None and (not isinstance(self.max_values, int) or self.max_values < 1):
            raise InputError(
                f"max_values of the feature '{self.column}' must be a positive integer, got {self.max_values!r}."
            )

    def fit(self, values: pd.Series) -> Self:
        lists = self.lists(values)
        longest = max((len(values) for values in lists), default=0)
        tokens = Tokens.fit([value for values in lists for value in values], self.min_count, self.hash_buckets)
        return dataclasses.replace(self, tokens=tokens, max_values=self.max_values or min(max(longest, 1), 32))

    def encode(self, values: pd.Series) -> np.ndarray:
        """(N, M) int32, padded with 0 on the right."""
        lists = [values[: self.max_values] for values in self.lists(values)]
        lengths = np.array([len(values) for values in lists], int)
        rows = self.absent(len(lists))
        filled = np.arange(self.max_values) < lengths[:, None]
        rows[filled] = self.tokens.encode([value for values in lists for value in values])
        return rows

    @property
    def width(self) -> tuple[int, ...]:
        """(M,)."""
        return (self.max_values,)

    def sizes(self) -> dict[str, int]:
        return {"size": self.tokens.size, "length": self.max_values}

    def lists(self, values: pd.Series) -> list[list[Any]]:
        """The values of each cell, without empty ones."""

        def one(cell: Any) -> list[Any]:
            if isinstance(cell, set | frozenset):
                cell = sorted(cell, key=str)  # the order of a set differs between processes
            if isinstance(cell, list | tuple | np.ndarray):
                if any(isinstance(value, _NO_VALUES) for value in cell):
                    raise self._not_one_list(cell)
                return [value for value in cell if not pd.isna(value) and id_text(value) is not None]
            if isinstance(cell, dict):
                raise self._not_one_list(cell)
            if pd.isna(cell):
                return []
            text = cell if isinstance(cell, str) else id_text(cell) or ""  # integers in a column with gaps are floats
            return [part.strip() for part in text.split(self.separator) if part.strip()]

        return [one(cell) for cell in values]

    def _not_one_list(self, cell: Any) -> InputError:
        return InputError(f"A cell of '{self.column}' is {str(cell)[:80]}: expected one list of values, or a text.")
