"""What every reader gives back."""

import dataclasses

import pandas as pd

from tfrec.data.readers.columns import Columns


@dataclasses.dataclass(frozen=True)
class Source:
    """Raw tables, and which column is what.

    Attributes:
        frame: a row an interaction.
        columns: the names of its columns, found.
        items: side table of items, or None.
        users: side table of users, or None.
        notes: what the reader of the report should know, a sentence each.
    """

    frame: pd.DataFrame
    columns: Columns
    items: pd.DataFrame | None = None
    users: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
