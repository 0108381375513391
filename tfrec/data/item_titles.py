"""What items are called, where a side table says so."""

from __future__ import annotations

import pandas as pd


def all_titles(table: pd.DataFrame | None) -> list[str] | None:
    """A title a row, "" where there is none; None where no column is named title or name."""
    column = _column(table)
    return None if column is None else ["" if pd.isna(title) else str(title) for title in column]


def title_at(table: pd.DataFrame | None, row: int) -> str:
    """The title of one row, "" where none is known."""
    column = _column(table)
    return "" if column is None or pd.isna(column.iloc[row]) else str(column.iloc[row])


def _column(table: pd.DataFrame | None) -> pd.Series | None:
    names = [] if table is None else [one for one in table.columns if str(one).lower() in ("title", "name")]
    return table[names[0]] if names else None
