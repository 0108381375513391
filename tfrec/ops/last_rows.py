"""The end of a table of positions."""

from typing import Any

from keras import ops


def last_rows(table: Any, count: Any) -> Any:
    """The last `count` rows of a table, `table[R - count:]`, and never fewer.

    A slice that begins before the table would be shorter than what it is added to, and a single row be broadcast over
    all of it without a word; this fails instead, where the count is known in the graph alone too.

    Args:
        table: (R, D) tensor.
        count: how many, a number or a scalar tensor.

    Returns:
        (count, D).

    Example:
        >>> import numpy as np
        >>> np.asarray(last_rows(np.arange(8.0).reshape(4, 2), 2)).tolist()
        [[4.0, 5.0], [6.0, 7.0]]
    """
    return ops.slice(table, (table.shape[0] - count, 0), (count, table.shape[1]))
