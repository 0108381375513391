"""Find the titles of items in a side table.

Titles are in a column called title or name; else in one named after the items, such as product_name; else in the only
column with "title" in its name.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

# A title or name of these: product_name, ProductName, prod-name, Book-Title.
_NOUNS = (
    *("item", "product", "prod", "article", "book", "movie", "film", "song", "track", "video", "recipe", "venue"),
    *("place", "restaurant", "business", "hotel", "anime", "manga", "beer", "wine", "game", "app", "joke", "podcast"),
    *("course", "job", "event", "show", "album", "artist"),
)
_NAMES = ("title", "name", *(f"{noun}{word}" for word in ("title", "name") for noun in _NOUNS))


def all_titles(table: pd.DataFrame | None) -> list[str] | None:
    """The title of each row, "" if missing; None if the table has no column of titles."""
    column = _column(table)
    return None if column is None else ["" if pd.isna(title) else str(title) for title in column]


def title_at(table: pd.DataFrame | None, row: int) -> str:
    """The title of one row, "" if missing."""
    column = _column(table)
    return "" if column is None or pd.isna(column.iloc[row]) else str(column.iloc[row])


def title_column(names: Iterable[str]) -> str | None:
    """The column of titles, or None.

    Example:
        >>> title_column(["ISBN", "Book-Title"]), title_column(["title", "original_title"]), title_column(["label"])
        ('Book-Title', 'title', None)
        >>> title_column(["article_id", "prod_name", "product_type_name"])
        'prod_name'
    """
    names = [name for name in names if isinstance(name, str)]
    plain = {name: "".join(letter for letter in name.lower() if letter.isalnum()) for name in names}
    known = sorted((name for name in names if plain[name] in _NAMES), key=lambda name: _NAMES.index(plain[name]))
    near = [name for name in names if "title" in name.lower()]
    return known[0] if known else near[0] if len(near) == 1 else None


def _column(table: pd.DataFrame | None) -> pd.Series | None:
    name = None if table is None else title_column(map(str, table.columns))
    return None if name is None else table.loc[:, [str(one) == name for one in table.columns]].iloc[:, 0]
