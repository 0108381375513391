"""Convert columns of special dtypes (categories, Arrow, decimals, bytes) to plain ones."""

import pandas as pd


def plain_column(column: pd.Series) -> pd.Series:
    """The column with categories, Arrow types, decimals and bytes converted to numbers, dates and strings.

    `pandas.to_numeric` is not enough: it turns durations into counts, fails for Arrow decimals with gaps, and does not
    read bytes.

    Example:
        >>> plain_column(pd.Series(["2", "1"], dtype="category")).tolist()
        ['2', '1']
        >>> plain_column(pd.Series([b"7", b"x"])).tolist()
        ['7', 'x']
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) or (isinstance(dtype, pd.ArrowDtype) and not _is_number_or_date(dtype)):
        column = column.astype(object).infer_objects()
    if column.dtype != object:
        return column
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "bytes":
        return column.map(lambda cell: cell.decode("utf-8", "replace"), na_action="ignore")
    if kind == "decimal":  # integers may be too large for floats
        return column.map(
            lambda cell: int(cell) if cell == cell.to_integral_value() else float(cell), na_action="ignore"
        )
    return column


def _is_number_or_date(dtype: pd.ArrowDtype) -> bool:
    kinds = pd.api.types
    return kinds.is_integer_dtype(dtype) or kinds.is_float_dtype(dtype) or kinds.is_datetime64_any_dtype(dtype)
