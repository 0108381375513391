"""Files that say what is known of the items, or of the users."""

from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.data.ids import encode_ids
from tfrec.data.readers.table import is_parquet, read_parquet
from tfrec.data.readers.text import header, separated
from tfrec.data.readers.text_ids import text_ids
from tfrec.errors import InputError


def read_side_table(path: Path, id_column: str | None, what: str = "items") -> pd.DataFrame:
    """What is known of the items, or of the users: a csv, tsv or parquet file.

    Args:
        path: the file.
        id_column: the name of the column of ids; where it is not there, the first column is.
        what: "items" or "users", for errors.

    Raises:
        InputError: where the file cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file: expected a side table of {what} (csv, tsv or parquet).")
    if is_parquet(path):
        return read_parquet(path)
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    names = header(path, separator)
    ids = id_column if id_column in names else names[0]
    texts = {ids, *(name for name in names if name.lower() in ("title", "name"))}
    table = separated(path, separator, dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""])
    return table.assign(**{ids: text_ids(table[ids])})


def check_overlap(table: pd.DataFrame, ids: np.ndarray, path: Path, what: str = "items") -> None:
    """Raise `InputError` where a side table, indexed by raw id, has none of the ids of the rows."""
    known, _ = encode_ids(table.index.to_numpy())
    if not len(known) or not set(ids) & set(table.index):
        example = f", for instance '{table.index[0]}'," if len(known) else ""
        raise InputError(
            f"{path} knows none of the {what}: its ids{example} are read from its column '{table.index.name}', "
            f"and the rows have ids such as '{ids[0]}'. Name its id column as that of the rows, or put it first."
        )
