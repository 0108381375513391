"""Features for every column of a table that can be one."""

from __future__ import annotations

import pandas as pd

from tfrec.data.features.categorical import Categorical
from tfrec.data.features.feature import Feature
from tfrec.data.features.multivalued import MultiValued
from tfrec.data.features.numeric import Numeric
from tfrec.data.features.vector import Vector

_FEW = 50  # distinct values that are always fine
_HASHED = 100_000  # distinct values beyond which a hash takes the place of a vocabulary


def infer_features(table: pd.DataFrame, group: str) -> list[Feature]:
    """A feature for each column, by what stands in it.

    Numbers are numeric, lists of numbers vectors, other lists and texts with "|" multi-valued, all else categorical,
    by a hash where it has more than 100,000 values. Left out are columns with one value, and columns of texts of which
    more than half are different, such as titles: they would be learned by heart.

    Args:
        table: columns.
        group: "user", "item" or "context".

    Example:
        >>> table = pd.DataFrame({"age": [20, 30], "genres": ["a|b", "b"], "country": ["at", "be"], "one": [1, 1]})
        >>> [(feature.kind, feature.column) for feature in infer_features(table, "user")]
        [('numeric', 'age'), ('multivalued', 'genres'), ('categorical', 'country')]
    """
    found = [_infer(table[column], str(column), group) for column in table.columns]
    return [feature for feature in found if feature is not None]


def _infer(values: pd.Series, column: str, group: str) -> Feature | None:
    known = values.dropna()
    if not len(known):
        return None
    first = known.iloc[0]
    if isinstance(first, list | tuple) or (hasattr(first, "shape") and getattr(first, "ndim", 0)):
        is_numbers = len(first) and not isinstance(first[0], str)
        return Vector(column, group=group) if is_numbers else MultiValued(column, group=group)
    distinct = known.nunique()
    if distinct < 2:
        return None
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return Numeric(column, group=group)
    if known.astype(str).str.contains("|", regex=False).any():
        return MultiValued(column, group=group)
    if distinct > max(_FEW, len(known) / 2):
        return None
    return Categorical(column, group=group, hash_buckets=_HASHED if distinct > _HASHED else None)
