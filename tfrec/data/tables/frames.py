"""Tables of other libraries as DataFrames of pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import interchange

from tfrec.errors import InputError


def as_frame(table: Any, what: str) -> pd.DataFrame:
    """A table as a DataFrame of pandas.

    Tables of pyarrow, polars and all other libraries that hand out their columns by Arrow's stream
    (`__arrow_c_stream__`) or the dataframe interchange protocol (`__dataframe__`) are converted. Whole numbers with
    gaps stay whole, since large ids would lose digits as floats.

    Args:
        table: what the user gave.
        what: what it is, for errors.

    Raises:
        InputError: where it is not a table, or its columns have several levels of names.

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
    """None where the object is not a table."""
    if isinstance(table, pd.Series | type):
        return None
    try:
        if hasattr(table, "__arrow_c_stream__") or isinstance(table, pa.RecordBatch):
            arrow = pa.table(table)
        elif hasattr(table, "__dataframe__"):
            arrow = interchange.from_dataframe(table)
        else:
            return None
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError):  # the stream of a single column, say
        return None
    return arrow.to_pandas(ignore_metadata=True, integer_object_nulls=True)
