"""The last rows of a table, such as position embeddings."""

from typing import Any

from keras import ops


def last_rows(table: Any, count: Any) -> Any:
    """The last `count` rows of a table, `table[R - count:]`, and never fewer.

    A plain slice that starts before the table returns fewer rows, and a single row would then broadcast silently.
    This function fails instead, also if the count is only known when the graph runs.

    Args:
        table: (R, D) tensor.
        count: number of rows, an integer or a scalar tensor.

    Returns:
        (count, D).

    Example:
        >>> import numpy as np
        >>> np.asarray(last_rows(np.arange(8.0).reshape(4, 2), 2)).tolist()
        [[4.0, 5.0], [6.0, 7.0]]
    """
    return ops.slice(table, (table.shape[0] - count, 0), (count, table.shape[1]))
