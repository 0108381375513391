"""Times that are hours in eight digits: 14102100 is 2014-10-21 00:00, as Avazu writes them."""

from __future__ import annotations

import pandas as pd

FORMAT = "%y%m%d%H"
_SAMPLE = 1000  # values that are looked at


def is_compact_hours(name: str, values: pd.Series) -> bool:
    """Whether a column is called "hour" and its values are year, month, day and hour in two digits each.

    Example:
        >>> is_compact_hours("hour", pd.Series([14102100, 14102123])), is_compact_hours("hour", pd.Series([7, 23]))
        (True, False)
    """
    known = values.dropna().head(_SAMPLE)
    if not name.strip().lower().endswith("hour") or not len(known):
        return False
    texts = known.astype(str).str.removesuffix(".0")
    if not texts.str.fullmatch(r"\d{8}").all():
        return False
    return bool(pd.to_datetime(texts, format=FORMAT, errors="coerce").notna().all())
