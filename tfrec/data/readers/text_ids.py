"""Clean the ids of text files: strings, without the ".0" of integers that became floats."""

import pandas as pd


def text_ids(column: pd.Series) -> pd.Series:
    """The ids of a text column; if all of them end with ".0", it is removed.

    Programs without missing integers, such as pandas, write a column of integers with gaps as 1.0, 2.0 and so on. The
    ids are still 1 and 2, as in files without gaps.

    Args:
        column: strings, or missing.

    Example:
        >>> text_ids(pd.Series(["2.0", None, "-1.0"])).tolist(), text_ids(pd.Series(["2.0", "2.1"])).tolist()
        (['2', nan, '-1'], ['2.0', '2.1'])
    """
    known = column.dropna()
    known = known[known != ""]
    if not len(known) or not known.str.fullmatch(r"-?\d+\.0").all():
        return column
    return column.str.removesuffix(".0")
