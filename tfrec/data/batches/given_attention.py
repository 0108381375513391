"""A column of the data as the attention that a model should learn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tfrec.data.tables.examples import Examples
from tfrec.data.tables.interactions import Interactions
from tfrec.errors import InputError

GIVEN = "given_attention"  # name of the input; see `tfrec.models.Recommender.supervise_attention`
OWN = ("rating", "weight", "label")  # names of the ratings or labels of a table, if no further column has them


def attention_column(table: Interactions | Examples, column: str) -> np.ndarray:
    """The weight of each row, (N,) float32: how much attention its event should get. An empty cell is 0.

    Args:
        table: interactions, or labelled rows.
        column: name of a further column of the table, with numbers of at least 0, such as the seconds that the user
            looked at an item; or one of `OWN`, the ratings or labels of the table.

    Raises:
        InputError: if the column does not exist, or a cell is no finite number of at least 0.

    Example:
        >>> frame = pd.DataFrame({"u": [1, 1, 1], "i": [3, 4, 5], "seconds": ["2.5", None, "4"]})
        >>> table = Interactions.from_pandas(frame, user="u", item="i", context=["seconds"])
        >>> attention_column(table, "seconds").tolist()
        [2.5, 0.0, 4.0]
    """
    cells = table.context.get(column)
    own = table.weights if isinstance(table, Interactions) else table.labels
    if cells is None and column in OWN and own is not None:
        cells = pd.Series(own)
    if cells is None:
        there = ", ".join([*map(str, table.context.columns), *(OWN[:1] if own is not None else ())]) or "none"
        raise InputError(
            f"The attention column '{column}' is not in the data, which has: {there}. Tables of interactions keep "
            "further columns that are named in context=[...]."
        )
    values = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero((np.isnan(values) & cells.notna().to_numpy()) | (values < 0) | np.isinf(values))
    if len(wrong):
        raise InputError(
            f"The attention column '{column}' must hold finite numbers of at least 0, but {len(wrong):,} of "
            f"{len(values):,} cells are others, such as {str(cells.iloc[wrong[0]])[:80]!r}."
        )
    return np.nan_to_num(values).astype(np.float32)
