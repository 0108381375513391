"""The result of every reader."""

import dataclasses

import pandas as pd

from tfrec.data.readers.columns import Columns


@dataclasses.dataclass(frozen=True)
class Source:
    """Raw tables, and the roles of their columns.

    Attributes:
        frame: one row per interaction.
        columns: the names of its columns by role.
        items: side table of items, or None.
        users: side table of users, or None.
        notes: notes for the report, one sentence each.
    """

    frame: pd.DataFrame
    columns: Columns
    items: pd.DataFrame | None = None
    users: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
