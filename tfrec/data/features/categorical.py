"""One of many values."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import pandas as pd

from tfrec.data.features.feature import Feature
from tfrec.data.features.tokens import Tokens, check_tokens


@dataclasses.dataclass(frozen=True, kw_only=True)
class Categorical(Feature):
    """A value of a set: an id, a country, a device. 7, 7.0 and "7" are the same value.

    Id 0 is missing (empty, None, NaN), id 1 a value that training did not have or had too seldom.

    Attributes:
        min_count: rarer values count as unseen.
        hash_buckets: for columns with very many values: ids by a hash into so many buckets, and no vocabulary.
        tokens: after `fit`.

    Example:
        >>> feature = Categorical("device", min_count=2).fit(pd.Series(["tv", "tv", "phone", None]))
        >>> feature.encode(pd.Series(["tv", "phone", "", "radio"])).tolist()
        [2, 1, 0, 1]
    """

    kind = "categorical"
    dtype = np.int32
    missing = 0

    min_count: int = 1
    hash_buckets: int | None = None
    tokens: Tokens | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tokens(self.column, self.min_count, self.hash_buckets)

    def fit(self, values: pd.Series) -> Self:
        return dataclasses.replace(self, tokens=Tokens.fit(self._cells(values), self.min_count, self.hash_buckets))

    def encode(self, values: pd.Series) -> np.ndarray:
        """(N,) int32."""
        return self.tokens.encode(self._cells(values))

    def sizes(self) -> dict[str, int]:
        return {"size": self.tokens.size}

    def _cells(self, values: pd.Series) -> pd.Series:
        """The values under the column's name, for errors; and a day as csv files write it, not with its midnight."""
        if pd.api.types.is_datetime64_any_dtype(values):
            values = values.map(lambda at: str(at).removesuffix(" 00:00:00"), na_action="ignore")
        return pd.Series(values.to_numpy(), name=self.column)
