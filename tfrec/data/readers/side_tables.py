"""Files that say what is known of the items, or of the users."""

from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.data.ids import encode_ids
from tfrec.data.readers.frame import open_table
from tfrec.data.readers.text_table import TextFormat
from tfrec.errors import InputError


def read_side_table(
    path: Path, id_column: str | None, what: str = "items", form: TextFormat | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """What is known of the items, or of the users: a table in any format that `read_frame` knows.

    Args:
        path: the file, or a folder of parquet parts.
        id_column: the name of the column of ids; if the table has none of this name, the first column is taken.
        what: "items" or "users", for errors.
        form: how a text table is written, as far as its content does not tell.

    Returns:
        the table, and notes for the report.

    Raises:
        InputError: if the file cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path} is not a file: expected a side table of {what} (csv, tsv, JSON lines or parquet).")
    table = open_table(path, form)
    ids = id_column if id_column in table.names else table.names[0]
    texts = [name for name in table.names if name.lower() in ("title", "name") and name != ids]
    return table.read(ids=[ids], texts=texts, missing=[""])


def check_overlap(table: pd.DataFrame, ids: np.ndarray, path: Path, what: str = "items") -> None:
    """Raise `InputError` where a side table, indexed by raw id, has none of the ids of the rows."""
    known, _ = encode_ids(table.index.to_numpy())
    if not len(known) or not set(ids) & set(table.index):
        example = f", for instance '{table.index[0]}'," if len(known) else ""
        raise InputError(
            f"{path} knows none of the {what}: its ids{example} are read from its column '{table.index.name}', "
            f"and the rows have ids such as '{ids[0]}'. Name its id column as that of the rows, or put it first."
        )
