"""Take the titles of items from a column that the user names."""

from __future__ import annotations

import pandas as pd

from tfrec.data.spec.item_titles import title_column
from tfrec.data.tables.ids import id_text
from tfrec.errors import InputError


def with_titles(
    items: pd.DataFrame | None, frame: pd.DataFrame, item: str | None, title: str | None
) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """The item table with titles in a column called title, and notes for the report.

    Args:
        items: the side table of items, with ids in a column named as `item`, else in its first column; or None.
        frame: the rows of the data.
        item: the column of item ids in `frame`.
        title: the column of titles, in `items` or else in `frame`; None changes nothing.

    Raises:
        InputError: if there is no column `title`, or no column of items.
    """
    if title is None:
        return items, ()
    if items is not None and title in items.columns:
        titles = items[title]
        return items.drop(columns=[title]).assign(title=titles.astype(object)), ()
    if title not in frame.columns:
        there = [str(name) for name in (*frame.columns, *([] if items is None else items.columns))]
        raise InputError(
            f"Neither the data nor the item table has a column '{title}' for item titles. Their columns are: "
            f"{', '.join(there[:40])}."
        )
    if item is None:
        raise InputError(
            f"'{title}' is named for item titles, but there is no item column: name it with item= (--item)."
        )
    known = pd.DataFrame({"item": frame[item], "title": frame[title]}).dropna()
    known = known[known["title"].astype(str).str.strip() != ""]
    first = known.drop_duplicates("item")
    differing = int((known.drop_duplicates().groupby("item").size() > 1).sum())
    notes = (f"'{title}' differs between the rows of {differing:,} items; the first value of each is used",)
    notes = notes if differing else ()
    found = first.assign(title=first["title"].astype(str)).rename(columns={"item": item}).reset_index(drop=True)
    if items is None:
        return found, notes
    column = item if item in items.columns else items.columns[0]
    titles = dict(zip(map(id_text, found[item]), found["title"], strict=True))
    return items.assign(title=[titles.get(id_text(one)) for one in items[column]]), notes


def notes_on_titles(items: pd.DataFrame, name: str) -> tuple[str, ...]:
    """Notes on an item table without titles, or with titles in a column of another name."""
    names = [str(column) for column in items.columns]
    found = title_column(names)
    if found is None:
        return (
            f"no column of {name} has a well-known name for item titles: name it with title= (--title). Its columns: "
            f"{', '.join(names[:30])}",
        )
    return () if found.lower() in ("title", "name") else (f"item titles are read from '{found}' of {name}",)
