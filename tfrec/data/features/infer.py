"""Infer a feature for each column of a table, or why the column cannot be one."""

from __future__ import annotations

import numbers
import re

import pandas as pd

from tfrec.data.features.categorical import Categorical
from tfrec.data.features.feature import Feature, name_fault
from tfrec.data.features.lists import infer_lists, is_list
from tfrec.data.features.multivalued import MultiValued
from tfrec.data.features.numeric import Numeric
from tfrec.data.tables.dates import holds_dates

_FEW = 50  # up to so many distinct values, a column can always be categorical
_HASHED = 100_000  # above so many distinct values, a hash replaces the vocabulary
_SEPARATED = 0.05  # smallest share of distinct texts with a "|" for which "|" is a separator
_INDEX = re.compile(r"Unnamed: \d+|__index_level_\d+__")  # pandas' names for unnamed columns
_NAMED_ID = re.compile(r"(.*[_\-. ])?(?i:id)|.*[a-z0-9]I[dD]")  # category_id, adId, but neither bid nor humid
_DATE = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?"


def infer_features(table: pd.DataFrame, group: str) -> list[Feature]:
    """A feature for each column, inferred from its values.

    Numbers are numeric, lists of numbers are vectors, other lists and texts with "|" are multi-valued. All else is
    categorical, with a hash above 100,000 distinct values, and so are integers in a column that is named like an id.
    Lists of integers with different lengths are multi-valued, too. If only few texts hold a "|", and its parts do not
    repeat, it counts as part of the text. `unread_columns` returns the columns that are left out.

    Args:
        table: the table.
        group: "user", "item" or "context".

    Example:
        >>> table = pd.DataFrame({"age": [20, 30], "genres": ["a|b", "b"], "country": ["at", "be"], "one": [1, 1]})
        >>> [(feature.kind, feature.column) for feature in infer_features(table, "user")]
        [('numeric', 'age'), ('multivalued', 'genres'), ('categorical', 'country')]
    """
    found = [_infer(table[column], str(column), group) for column in table.columns]
    return [feature for feature in found if isinstance(feature, Feature)]


def unread_columns(table: pd.DataFrame) -> dict[str, str]:
    """The columns that `infer_features` leaves out, with the reason.

    These are columns with at most one value, columns of texts of which more than half are different, such as titles (a
    model would memorise them), dates, the index that pandas writes, and columns of unsupported types.

    Example:
        >>> unread_columns(pd.DataFrame({"one": [1, 1], "day": ["2020-01-01", "2020-01-02"], "age": [20, 30]}))
        {'one': 'has one value', 'day': 'has dates: name it as the time, or convert it to numbers or words'}
    """
    found = {str(column): _infer(table[column], str(column), "context") for column in table.columns}
    return {column: reason for column, reason in found.items() if isinstance(reason, str)}


def _infer(values: pd.Series, column: str, group: str) -> Feature | str:
    """A feature, or why the column cannot be one."""
    if _INDEX.fullmatch(column):
        return "is the index that pandas wrote"
    if fault := name_fault(column):
        return fault
    known = values.dropna()
    if not len(known):
        return "has no value"
    if holds_dates(known):
        return _dates()
    if known.dtype == object and known.map(is_list).any():
        return infer_lists(known, column, group)
    try:
        distinct = pd.Series(known.unique())
    except TypeError:
        return f"has cells of the type {type(known.iloc[0]).__name__}: make a column of each of their fields"
    if len(distinct) < 2:
        return "has one value"
    if _are_numbers(distinct) and not (_NAMED_ID.fullmatch(column) and (distinct % 1 == 0).all()):
        feature = Numeric(column, group=group)
        return feature.fault(values) or feature
    try:
        texts = distinct.astype(str)
    except UnicodeDecodeError:
        return "holds bytes that are not UTF-8 text: convert it to numbers or words"
    if texts.str.fullmatch(_DATE).all():
        return _dates()
    if _is_separated(texts):
        return MultiValued(column, group=group)
    if len(distinct) > max(_FEW, len(known) / 2):
        return _all_differ(known)
    return Categorical(column, group=group, hash_buckets=_HASHED if len(distinct) > _HASHED else None)


def _are_numbers(distinct: pd.Series) -> bool:
    """Whether all are numbers, including decimals and integers with gaps, which pandas keeps as objects."""
    if pd.api.types.is_bool_dtype(distinct):
        return False
    if distinct.dtype != object:
        return pd.api.types.is_numeric_dtype(distinct)
    return all(isinstance(value, numbers.Number) and not isinstance(value, bool) for value in distinct)


def _is_separated(texts: pd.Series) -> bool:
    """Whether "|" separates values: many texts hold it, or there are fewer distinct parts than distinct texts."""
    has_mark = texts.str.contains("|", regex=False)
    if not has_mark.any():
        return False
    parts = pd.concat([texts[~has_mark], texts[has_mark].str.split("|").explode().str.strip()])
    return has_mark.mean() >= _SEPARATED or parts[parts != ""].nunique() <= len(texts)


def _dates() -> str:
    return "has dates: name it as the time, or convert it to numbers or words"


def _all_differ(known: pd.Series) -> str:
    texts = known.astype(str)
    broken = texts[pd.to_numeric(texts, errors="coerce").isna()]
    if 0 < len(broken) < len(known) / 2:
        return (
            f"has numbers except in {len(broken):,} cells, for instance {broken.iloc[0][:30]!r}: correct or empty them"
        )
    return "has values that are nearly all different"
