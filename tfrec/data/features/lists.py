"""Infer features of columns with a list in each cell: vectors, or multi-valued."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import pandas as pd

from tfrec.data.features.feature import Feature
from tfrec.data.features.multivalued import MultiValued
from tfrec.data.features.vector import Vector

_LISTS = list | tuple | set | frozenset | np.ndarray


def is_list(cell: Any) -> bool:
    """Whether a cell holds several values."""
    return isinstance(cell, _LISTS)


def infer_lists(known: pd.Series, column: str, group: str) -> Feature | str:
    """The feature of a column of lists, or why it cannot be one.

    Lists of numbers are vectors. Lists of integers with different lengths, sets, and lists of texts are multi-valued.

    Example:
        >>> [infer_lists(pd.Series(cells), "c", "item").kind for cells in ([[0.5, 1], [1, 2]], [[1], [7, 3]], [["a"]])]
        ['vector', 'multivalued', 'multivalued']
    """
    kinds = {_kind(cell) for cell in known} - {"empty"}
    if not kinds:
        return "has no value"
    if "nested" in kinds:
        return "has nested lists: give one flat list of values per cell"
    if "other" in kinds:
        return "has lists in some cells and other values in others"
    if kinds <= {"whole", "number"}:
        lengths = {len(cell) for cell in known if len(cell)}
        if "number" in kinds or len(lengths) == 1:
            return Vector(column, group=group)
    return MultiValued(column, group=group)


def _kind(cell: Any) -> str:
    """The kind of the values of a cell."""
    if isinstance(cell, str):  # several values with a separator
        return "text"
    if not is_list(cell):
        return "other"
    if isinstance(cell, set | frozenset):
        return "text" if len(cell) else "empty"
    if not len(cell):
        return "empty"
    if isinstance(cell, np.ndarray) and cell.dtype.kind in "iufb":
        if cell.ndim > 1:
            return "nested"
        return "whole" if cell.dtype.kind in "iu" or _are_whole(cell) else "number"
    values = [value for value in cell if is_list(value) or isinstance(value, dict) or not pd.isna(value)]
    if any(is_list(value) or isinstance(value, dict) for value in values):
        return "nested"
    if not all(isinstance(value, numbers.Number) for value in values):
        return "text"
    return "whole" if _are_whole(np.asarray(values, np.float64)) else "number"


def _are_whole(values: np.ndarray) -> bool:
    known = values[np.isfinite(values)]
    return bool((known == np.floor(known)).all())
