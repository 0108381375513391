"""Ids of text files: strings as they stand, but for whole numbers that a gap has made floats."""

import pandas as pd


def text_ids(column: pd.Series) -> pd.Series:
    """The ids of a column of text, without the ".0" where every one of them ends so.

    A program that knows no missing integers, such as pandas, writes a column of 1, 2 and nothing as 1.0, 2.0 and
    nothing. The ids are still 1 and 2, as they are in any file without a gap.

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
