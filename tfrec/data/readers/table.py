"""Tables with a header: csv, tsv, parquet."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.source import Source
from tfrec.data.readers.text import header, separated
from tfrec.data.readers.text_ids import text_ids
from tfrec.data.readers.unnamed_times import SAMPLE, notes_on_order
from tfrec.errors import InputError


def read_text_table(path: Path, columns: Columns, separator: str) -> Source:
    """A csv or tsv file with a header. Ids are strings, other columns what they look like."""
    found = columns.find(header(path, separator), path)
    frame = separated(path, separator, dtype={found.user: str, found.item: str})
    for name in (found.user, found.item, found.time):
        if name is not None and not pd.api.types.is_numeric_dtype(frame[name]):
            broken = frame[name].astype(str).str.contains(r"[\r\n]")
            if broken.any():
                raise InputError(
                    f"{path} has a stray quote near row {int(broken.idxmax()) + 1}: a field of '{name}' runs over "
                    f"several lines, from {frame[name][broken.idxmax()][:20]!r}. Double the quote or remove it."
                )
    frame = frame.assign(**{name: text_ids(frame[name]) for name in (found.user, found.item)})
    return Source(frame, found, notes=notes_on_order(found, list(frame.columns), frame, path))


def read_parquet_table(path: Path, columns: Columns) -> Source:
    """A parquet file. Columns keep their types."""
    file = _open_parquet(path)
    names = file.schema_arrow.names
    found = columns.find(names, path)
    for name in (found.user, found.item):
        kind = file.schema_arrow.field(name).type
        if pa.types.is_nested(kind):
            raise InputError(f"Column '{name}' of {path} holds {kind}: expected one id a row. Explode it first.")
    sample = (
        _sample(file, [name for name in names if name not in found.needed]) if found.time is None else pd.DataFrame()
    )
    notes = notes_on_order(found, names, sample, path)
    return Source(_to_pandas(file, path, found.needed), found, notes=notes)


def is_parquet(path: Path) -> bool:
    """Whether a file is parquet, or is named so."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1" or path.suffix.lower() in (".parquet", ".pq")


def read_parquet(path: Path) -> pd.DataFrame:
    """All columns of a parquet file, the index of the DataFrame that it was written from among them.

    Raises:
        InputError: where the file is none, or damaged.
    """
    file = _open_parquet(path)
    return _to_pandas(file, path, file.schema_arrow.names)


def read_parquet_names(path: Path) -> list[str]:
    """The columns of a parquet file; raises `InputError` where it is none."""
    return list(_open_parquet(path).schema_arrow.names)


def _open_parquet(path: Path) -> pq.ParquetFile:
    if not path.stat().st_size:
        raise InputError(f"{path} is empty: expected a parquet file.")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a readable parquet file ({_first(error)}). Write it anew.") from None


def _to_pandas(file: pq.ParquetFile, path: Path, names: list[str]) -> pd.DataFrame:
    try:
        # Whole numbers with gaps must not become floats: large ids would lose digits.
        return file.read(columns=names).to_pandas(ignore_metadata=True, integer_object_nulls=True)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is damaged ({_first(error)}). Write it anew.") from None


def _sample(file: pq.ParquetFile, names: list[str]) -> pd.DataFrame:
    """The first rows of some columns."""
    flat = [name for name in names if not pa.types.is_nested(file.schema_arrow.field(name).type)]
    rows = next(file.iter_batches(SAMPLE, columns=flat), None) if flat else None
    return pd.DataFrame() if rows is None else rows.to_pandas(integer_object_nulls=True)


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
