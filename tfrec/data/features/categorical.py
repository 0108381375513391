"""Features with one of many values per cell."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import pandas as pd

from tfrec.data.features.feature import Feature
from tfrec.data.features.tokens import Tokens, check_tokens


@dataclasses.dataclass(frozen=True, kw_only=True)
class Categorical(Feature):
    """One value from a set, such as an id, a country or a device. 7, 7.0 and "7" are the same value.

    Id 0 is a missing value (empty, None, NaN), id 1 a value that is rare or absent in the training data.

    Attributes:
        min_count: rarer values count as unseen.
        hash_buckets: for columns with very many values: number of buckets to hash values into, without a vocabulary.
        tokens: the mapping to ids; set by `fit`.

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
        """The values, named after the column for errors, with dates without a time of day as in csv files."""
        if pd.api.types.is_datetime64_any_dtype(values):
            values = values.map(lambda at: str(at).removesuffix(" 00:00:00"), na_action="ignore")
        return pd.Series(values.to_numpy(), name=self.column)
