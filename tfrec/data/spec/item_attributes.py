"""Attributes that items share, as ids."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tfrec.data.spec.feature_spec import FeatureSpec
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS

_WORD = re.compile(r"\w+")


@dataclasses.dataclass(frozen=True)
class Attributes:
    """A column of the item table whose values are shared by items, such as categories, a brand or words of a title.

    Attributes:
        column: a column of texts, with one or several values per cell.
        separator: separator of the values in a cell.
        words: whether to take the words of the text as values, in lower case and without punctuation; `separator` is
            then ignored.
        min_count: values with fewer items are dropped, because too few items share them.
        max_share: values with more than this share of the items are dropped, because they carry no information.
        max_values: maximum number of values per item; the first are kept.

    Raises:
        InputError: if an argument is invalid.

    Example:
        >>> Attributes("title", words=True).of(pd.Series(["The War", "war & peace", "Peace!", "Hamlet"]))
        [['war'], ['war', 'peace'], ['peace'], []]
    """

    column: str
    separator: str = "|"
    words: bool = False
    min_count: int = 2
    max_share: float = 0.5
    max_values: int = 32

    def __post_init__(self) -> None:
        if not isinstance(self.separator, str) or not self.separator:
            raise InputError(f"separator of the attributes '{self.column}' must be a text, got {self.separator!r}.")
        for name in ("min_count", "max_values"):
            size = getattr(self, name)
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise InputError(f"{name} of the attributes '{self.column}' must be a positive integer, got {size!r}.")
        if not isinstance(self.max_share, int | float) or not 0 < self.max_share <= 1:
            raise InputError(
                f"max_share of the attributes '{self.column}' must be above 0 and at most 1, got {self.max_share!r}."
            )

    def of(self, cells: pd.Series) -> list[list[str]]:
        """The values of each cell after filtering, without repeats."""
        lists = [self.values(cell) for cell in cells]
        items = Counter(value for values in lists for value in values)
        most = self.max_share * len(lists)
        return [
            [value for value in values if self.min_count <= items[value] <= most][: self.max_values] for values in lists
        ]

    def values(self, cell: object) -> list[str]:
        """All values of a cell, without repeats and without filtering."""
        return list(dict.fromkeys(self._values(cell)))

    def _values(self, cell: object) -> list[str]:
        if isinstance(cell, list | tuple | set | np.ndarray):
            return [text for text in (str(value).strip() for value in cell if not pd.isna(value)) if text]
        if pd.isna(cell):
            return []
        if self.words:
            return _WORD.findall(str(cell).lower())
        return [part.strip() for part in str(cell).split(self.separator) if part.strip()]


def item_attributes(spec: FeatureSpec, columns: Sequence[Attributes]) -> np.ndarray:
    """The attributes of each item, for `share_attributes` of a sequential model.

    Args:
        spec: a spec with an item table.
        columns: columns of that table. The same value in two columns gives two attributes.

    Returns:
        (num_items + 2, M) int32: ids from 1 on, padded with 0. Rows 0 and 1 have none.

    Raises:
        InputError: if the spec lacks a column, or no value is shared.

    Example:
        >>> from tfrec.data import Interactions
        >>> rows = pd.DataFrame({"user": [1, 1, 2, 2], "film": ["x", "y", "x", "z"]})
        >>> films = pd.DataFrame({"film": ["x", "y", "z"], "genres": ["War|Drama", "War", "Drama"]})
        >>> spec = FeatureSpec.fit(Interactions.from_pandas(rows, "user", "film", items=films))
        >>> item_attributes(spec, [Attributes("genres", max_share=1.0)]).tolist()
        [[0, 0], [0, 0], [1, 2], [1, 0], [2, 0]]
    """
    return named_attributes(spec, columns)[0]


def named_attributes(spec: FeatureSpec, columns: Sequence[Attributes]) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """`item_attributes`, and the column and value of each attribute, in the order of their ids from 1 on."""
    there = [] if spec.item_table is None else list(spec.item_table.columns)
    ids: dict[tuple[str, str], int] = {}
    rows: list[list[int]] = [[] for _ in range(spec.num_items)]
    for one in columns:
        if one.column not in there:
            known = ", ".join(map(str, there)) or "none"
            raise InputError(f"The item table has no column '{one.column}': its columns are {known}.")
        for row, values in zip(rows, one.of(spec.item_table[one.column]), strict=True):
            row += [ids.setdefault((one.column, value), len(ids) + 1) for value in values]
    if not ids:
        raise InputError(
            f"No two items share a value of {', '.join(one.column for one in columns) or 'no column'}: use other "
            "columns, another separator, or another max_share."
        )
    found = np.zeros((RESERVED_IDS + spec.num_items, max(map(len, rows))), np.int32)
    for at, row in enumerate(rows, RESERVED_IDS):
        found[at, : len(row)] = row
    return found, list(ids)
