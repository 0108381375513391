"""Convert tables of other libraries to pandas DataFrames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import interchange

from tfrec.errors import InputError


def as_frame(table: Any, what: str) -> pd.DataFrame:
    """A table as a pandas DataFrame.

    Tables of pyarrow, polars and all other libraries with the Arrow stream (`__arrow_c_stream__`) or the dataframe
    interchange protocol (`__dataframe__`) are converted. Integers with gaps stay integers, because large ids would lose
    digits as floats.

    Args:
        table: the user's table.
        what: its description, for errors.

    Raises:
        InputError: if it is not a table, or its columns have several levels of names.

    Example:
        >>> as_frame(pa.table({"u": [2**53 + 1, None]}), "The table")["u"].tolist()
        [9007199254740993, None]
        >>> as_frame({"u": [1]}, "The table of ratings")
        Traceback (most recent call last):
        ...
        tfrec.errors.InputError: The table of ratings: expected a pandas DataFrame, got dict. Make one with ...
    """
    frame = table if isinstance(table, pd.DataFrame) else _converted(table)
    if frame is None:
        hint = "Make one with pandas.DataFrame(...). Tables of pyarrow and polars are read as well."
        if isinstance(table, str | Path):
            hint = "Read a file with tfrec.data.read, or with pandas."
        raise InputError(f"{what}: expected a pandas DataFrame, got {type(table).__name__}. {hint}")
    if frame.columns.nlevels > 1:
        raise InputError(f"{what} has {frame.columns.nlevels} levels of column names: give every column one name.")
    return frame


def _converted(table: Any) -> pd.DataFrame | None:
    """The DataFrame, or None if the object is not a table."""
    if isinstance(table, pd.Series | type):
        return None
    try:
        if hasattr(table, "__arrow_c_stream__") or isinstance(table, pa.RecordBatch):
            arrow = pa.table(table)
        elif hasattr(table, "__dataframe__"):
            arrow = interchange.from_dataframe(table)
        else:
            return None
    except (
        pa.ArrowException,
        TypeError,
        ValueError,
        NotImplementedError,
    ):  # for instance the stream of a single column
        return None
    return arrow.to_pandas(ignore_metadata=True, integer_object_nulls=True)
