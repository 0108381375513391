"""Convert raw ids to strings, with one spelling for each id."""

import decimal
from typing import Any

import numpy as np
import pandas as pd

from tfrec.errors import InputError

_LINE_BREAKS = ("\n", "\r", "\x00")


def encode_ids(values: pd.Series | np.ndarray | list) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct ids of a column, in the order of their first appearance.

    Every id becomes a string: 7, 7.0 and "7" are the same id. Missing values, empty strings, and ids with a line break
    or a NUL (which no vocabulary file can hold) have no code.

    Args:
        values: N raw ids of any type.

    Returns:
        codes (N,) int32 with -1 for unusable ids, and the distinct ids as an object array of str.

    Raises:
        InputError: if the column holds lists or other values that cannot be ids.

    Example:
        >>> codes, ids = encode_ids([7, "a b", None, 7.0, ""])
        >>> codes.tolist(), ids.tolist()
        ([0, 1, -1, 0, -1], ['7', 'a b'])
    """
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    try:
        raw_codes, raw_ids = pd.factorize(series, use_na_sentinel=True)
    except TypeError as error:
        raise InputError(f"The ids of '{series.name}' must be numbers or strings, one per row: {error}.") from None
    texts = np.array([id_text(value) for value in raw_ids], dtype=object)
    if not len(texts):
        return np.full(len(series), -1, np.int32), texts
    merged, ids = pd.factorize(texts, use_na_sentinel=True)
    lookup = np.append(merged, -1).astype(np.int32)  # raw code -1 reads the last entry
    return lookup[raw_codes], np.asarray(ids, dtype=object)


def float_ids_note(values: pd.Series, where: str) -> tuple[str, ...]:
    """A note for the report if ids are floats so large that neighbouring integers are the same float.

    Args:
        values: N raw ids.
        where: name of the column, for the note.

    Example:
        >>> float_ids_note(pd.Series([2.0**53, 2.0**53 + 1, 7.0]), "'item'")
        ("2 ids in 'item' are floats above 2**53, where different ids become equal: give integers or strings",)
        >>> float_ids_note(pd.Series([2**53 + 1, 7]), "'item'")
        ()
    """
    bits = 53
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        if isinstance(values.dtype, np.dtype):
            bits = np.finfo(values.dtype).nmant + 1
    elif values.dtype == object:
        numbers = np.array([cell for cell in values if isinstance(cell, float)], np.float64)
    else:
        return ()
    large = int((np.isfinite(numbers) & (np.abs(numbers) >= 2.0**bits)).sum())
    if not large:
        return ()
    what = "1 id in {} is a float" if large == 1 else f"{large:,} ids in {{}} are floats"
    return (f"{what.format(where)} above 2**{bits}, where different ids become equal: give integers or strings",)


def id_text(value: Any) -> str | None:
    """The string of one raw id, or None if the value is unusable."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    elif isinstance(value, decimal.Decimal):
        if not value.is_finite():
            return None
        value = int(value) if value == value.to_integral_value() else value
    elif isinstance(value, float | np.floating):
        if not np.isfinite(value):
            return None
        value = int(value) if float(value).is_integer() else float(value)
    text = str(value)
    return None if not text or any(mark in text for mark in _LINE_BREAKS) else text
