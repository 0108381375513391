"""Files of added and withdrawn items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tfrec.data.readers.contents import open_bytes, read_text
from tfrec.data.readers.frame import read_frame
from tfrec.data.readers.known_names import candidates
from tfrec.data.readers.text_table import TextFormat
from tfrec.data.spec.item_titles import title_column
from tfrec.data.tables.ids import id_text
from tfrec.errors import InputError

if TYPE_CHECKING:
    from tfrec.presets import Preset
    from tfrec.presets.attribute_vectors import AttributeVectors


_NO_ATTRIBUTES = (
    ". To add items by attributes such as title and genres, retrain the preset from a recipe with [item_attributes]: "
    "this preset has no attribute vectors"
)


def read_ids(path: str, encoding: str | None = None) -> list[str]:
    """Read raw ids, one per line, from a text file, which may be compressed.

    Args:
        path: the file; an empty file gives no ids.
        encoding: the file's encoding if it is not UTF-8.

    Raises:
        InputError: if the file cannot be read or decoded.
    """
    try:
        with open_bytes(Path(path)) as file:
            if not file.read().strip():
                return []
        lines = read_text(Path(path), encoding).split("\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}. Give a text file with one raw id per line.") from error
    return [line.removesuffix("\r") for line in lines if line.strip()]


def with_new_items(preset: Preset, path: str, form: TextFormat | None = None) -> tuple[Preset, dict[str, Any]]:
    """Add the items of a file to a preset; also returns the entry for the export's manifest."""
    from tfrec import presets
    from tfrec.presets.attribute_vectors import AttributeVectors

    features = [one.column for one in preset.spec.features if one.group == "item"]
    features = features if hasattr(preset.model, "start_items") else []
    items, titles = read_new_items(path, form, AttributeVectors.load(preset.folder), features)
    return presets.with_items(preset, items, titles), {"added": {"file": path, "items": list(items)}}


def read_new_items(
    path: str,
    form: TextFormat | None = None,
    attributes: AttributeVectors | None = None,
    features: Sequence[str] = (),
) -> tuple[dict[str, list[str] | np.ndarray | dict[str, Any]], dict[str, str]]:
    """Read new items: raw id -> the ids of similar items, a vector, or features; and raw id -> title.

    The table has a column `item` (or another well-known name, such as movieId), a column `like` or `vector`, and
    optionally `title`. Instead of `like` or `vector` it may have the attributes that the preset was trained with, or
    the features that its item tower reads.

    Args:
        path: the table.
        form: the format of a text table, where it cannot be detected.
        attributes: the preset's attribute vectors, or None.
        features: columns that the item tower of the preset's model reads.

    Raises:
        InputError: if the file is not a readable table, lacks the column `item`, does not have exactly one of `like`,
            `vector` and attributes, or has an invalid row.
    """
    try:
        table, _ = read_frame(path, form, texts=None)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}. Give a csv, tsv, JSON lines or parquet file.") from error
    columns = {str(name).lower(): name for name in table.columns}
    others = candidates("item", [str(name) for name in table.columns])
    if "item" not in columns and others:
        columns["item"] = others[0]
    if "title" not in columns and (title := title_column(str(name) for name in table.columns)):
        columns["title"] = title
    if "like" in columns and "vector" in columns:
        raise InputError(f"{path} has both columns 'like' and 'vector', but an item's vector has one source: drop one.")
    given = next((name for name in ("like", "vector") if name in columns), None)
    named = [] if attributes is None else list(dict.fromkeys(one.column for one in attributes.columns))
    by_attributes = given is None and any(name in table.columns for name in named)
    read = [name for name in features if name in table.columns]
    by_features = given is None and not by_attributes and bool(read)
    if "item" not in columns or (given is None and not by_attributes and not by_features):
        more = f", or attributes ({', '.join(named)})" if named else _NO_ATTRIBUTES
        more = f", or features ({', '.join(features)})" if features else more
        raise InputError(
            f"{path} has the columns {', '.join(map(str, table.columns))}; it needs 'item', and 'like' (ids of similar "
            f"items) or 'vector' (numbers){more}."
        )
    if by_features:
        cells = table[read].astype(object)
        cells = cells.where(cells.notna(), None).to_dict("records")
        values = [row if any(value is not None for value in row.values()) else None for row in cells]
        what = f"value of {' or '.join(read)}"
    else:
        values = attributes.of(table) if by_attributes else table[columns[given]]
        what = f"known value of {' or '.join(named)}" if by_attributes else given
    items = table[columns["item"]]
    texts = ["" if pd.isna(item) else str(item) for item in items]
    first: dict[str, int] = {}
    for row, (item, value) in enumerate(zip(texts, values, strict=True), 1):
        where = f"Row {row} of {path}"
        if id_text(item) is None or "\n" in item:
            raise InputError(f"{where} has no valid item id: got {items.iloc[row - 1]!r}.")
        if first.setdefault(item, row) < row:
            raise InputError(f"{where} repeats item '{item}' of row {first[item]}: remove one of the two rows.")
        if value is None or (isinstance(value, float) and np.isnan(value)):
            raise InputError(f"{where}, item '{item}', has no {what}.")
    found: list[Any] = [
        value if by_features else _parts(value, given != "like", f"{path}, item '{item}'")
        for item, value in zip(texts, values, strict=True)
    ]
    titles = table[columns["title"]].dropna().astype(str) if "title" in columns else pd.Series(dtype=str)
    return dict(zip(texts, found, strict=True)), {texts[row]: title for row, title in titles.items()}


def _parts(value: object, numbers: bool, where: str) -> list[str] | np.ndarray:
    parts = value.split() if isinstance(value, str) else [] if value is None else np.atleast_1d(value).tolist()
    if not numbers:
        return [str(part) for part in parts]
    try:
        with np.errstate(over="ignore"):  # a value too large for float32 becomes infinite, which is refused later
            return np.array([float(part) for part in parts], np.float32)
    except (TypeError, ValueError):
        raise InputError(f"{where}: expected a vector as numbers separated by spaces, got {value!r}.") from None
