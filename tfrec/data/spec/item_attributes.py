"""What items have in common, as ids of attributes."""

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
    """A column of the items' table whose values several items have: categories, a brand, words of a title.

    Attributes:
        column: of texts, a value a cell or several.
        separator: between the values of a cell.
        words: values are the words of the text, in lower case and without punctuation, whatever the separator.
        min_count: values of fewer items are left out, since nothing is shared through them.
        max_share: so are values of more than this share of the items, which tell nothing of them.
        max_values: of an item, the first that are left.

    Raises:
        InputError: where a value has another form.

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
            raise InputError(f"separator of the attributes '{self.column}' is a text, got {self.separator!r}.")
        for name in ("min_count", "max_values"):
            size = getattr(self, name)
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise InputError(f"{name} of the attributes '{self.column}' is a positive integer, got {size!r}.")
        if not isinstance(self.max_share, int | float) or not 0 < self.max_share <= 1:
            raise InputError(
                f"max_share of the attributes '{self.column}' lies above 0 and up to 1, got {self.max_share!r}."
            )

    def of(self, cells: pd.Series) -> list[list[str]]:
        """The values of each cell that count, each once."""
        lists = [self.values(cell) for cell in cells]
        items = Counter(value for values in lists for value in values)
        most = self.max_share * len(lists)
        return [
            [value for value in values if self.min_count <= items[value] <= most][: self.max_values] for values in lists
        ]

    def values(self, cell: object) -> list[str]:
        """All values of a cell, each once, however many items have them."""
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
        spec: with a table of items.
        columns: of that table. The same value in two columns is two attributes.

    Returns:
        (num_items + 2, M) int32: ids from 1 on, then 0. Rows 0 and 1 have none.

    Raises:
        InputError: where the spec has no such column, or nothing in it is shared.

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
            raise InputError(f"The items have no column '{one.column}' to share: their columns are {known}.")
        for row, values in zip(rows, one.of(spec.item_table[one.column]), strict=True):
            row += [ids.setdefault((one.column, value), len(ids) + 1) for value in values]
    if not ids:
        raise InputError(
            f"No two items share a value of {', '.join(one.column for one in columns) or 'no column'}: name other "
            "columns, another separator, or another max_share."
        )
    found = np.zeros((RESERVED_IDS + spec.num_items, max(map(len, rows))), np.int32)
    for at, row in enumerate(rows, RESERVED_IDS):
        found[at, : len(row)] = row
    return found, list(ids)
