"""Files that say what a catalogue has gained and lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.errors import InputError


def read_ids(path: str) -> list[str]:
    """A raw id a line; raises `InputError` where the file cannot be read."""
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}. Give a text file with a raw id a line.") from error
    return [line.removesuffix("\r") for line in lines if line.strip()]


def read_new_items(path: str) -> tuple[dict[str, list[str] | np.ndarray], dict[str, str]]:
    """Raw id -> the ids of items that it is like, or its vector; and raw id -> title.

    Raises:
        InputError: where the file is no csv or parquet, or lacks the column item, or both like and vector.
    """
    try:
        table = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}. Give a csv or a parquet file.") from error
    columns = {str(name).lower(): name for name in table.columns}
    given = next((name for name in ("like", "vector") if name in columns), None)
    if "item" not in columns or given is None:
        raise InputError(
            f"{path} has the columns {', '.join(map(str, table.columns))}: it needs item, and like (ids of items that "
            "are alike) or vector (numbers)."
        )
    items = table[columns["item"]].astype(str).tolist()
    found = [
        _parts(value, given == "vector", f"{path}, item '{item}'")
        for item, value in zip(items, table[columns[given]], strict=True)
    ]
    titles = table[columns["title"]].dropna().astype(str) if "title" in columns else pd.Series(dtype=str)
    return dict(zip(items, found, strict=True)), {items[row]: title for row, title in titles.items()}


def _parts(value: object, numbers: bool, where: str) -> list[str] | np.ndarray:
    parts = value.split() if isinstance(value, str) else [] if value is None else np.atleast_1d(value).tolist()
    if not numbers:
        return [str(part) for part in parts]
    try:
        return np.array([float(part) for part in parts], np.float32)
    except (TypeError, ValueError):
        raise InputError(f"{where}: a vector is numbers with spaces between, got {value!r}.") from None
