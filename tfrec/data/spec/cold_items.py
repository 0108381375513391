"""Cold items: items without training rows, whose features come from a side table."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from tfrec.data.features.vocabulary import Vocabulary
from tfrec.data.spec.item_titles import all_titles
from tfrec.data.tables.ids import encode_ids
from tfrec.reserved_ids import RESERVED_IDS


@dataclasses.dataclass(frozen=True, eq=False)
class ColdItems:
    """Items of a side table without training rows. A model has no vectors for them; their id is 1.

    Attributes:
        ids: their raw ids, in the order of the table.
        table: their side columns (title, genres, ...), one row per item in the same order, or None.

    Example:
        >>> films = pd.DataFrame({"title": ["Heat", "Nico"]}, index=["6", "1682"])
        >>> cold = ColdItems.among(films, Vocabulary(["6"]))
        >>> len(cold), "1682" in cold.ids, cold.titles
        (1, True, ['Nico'])
    """

    ids: Vocabulary = dataclasses.field(default_factory=lambda: Vocabulary([]))
    table: pd.DataFrame | None = None

    @classmethod
    def among(cls, table: pd.DataFrame | None, known: Vocabulary) -> ColdItems:
        """The items of a side table, indexed by raw id, that are not in the vocabulary; the first row of each."""
        if table is None:
            return cls()
        codes, ids = encode_ids(pd.Series(table.index))
        table = table.set_axis(np.append(ids, None)[codes])  # code -1, no usable id, reads the last entry
        rows = table[(codes >= 0) & ~table.index.duplicated() & ~table.index.isin(known.tokens)]
        return cls(Vocabulary(rows.index), rows) if len(rows) else cls()

    def rows_of(self, item_ids: np.ndarray) -> np.ndarray:
        """The row of each raw id, int32; -1 for other ids."""
        return np.maximum(self.ids.encode(item_ids) - RESERVED_IDS, -1)

    @property
    def titles(self) -> list[str] | None:
        """The title of each item; None if the table has no column of titles."""
        return all_titles(self.table)

    def __len__(self) -> int:
        return len(self.ids)
