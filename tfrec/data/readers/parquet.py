"""Read parquet: a file, or a folder of parts as Spark, Hive and pandas write it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from tfrec.data.readers.contents import is_compressed, open_bytes
from tfrec.errors import InputError

SUFFIXES = (".parquet", ".pq")


class ParquetTable:
    """A parquet file or a folder of parts. Its column names have been read, its rows have not. Columns keep types."""

    kind = "parquet"
    is_typed = True

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._source = _dataset(path) if path.is_dir() else _file(path)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path} is not a readable parquet file ({_first(error)}). Create it again.") from None
        is_file = isinstance(self._source, pq.ParquetFile)
        self.names = list(self._source.schema_arrow.names if is_file else self._source.schema.names)

    def read(
        self,
        columns: Collection[str] | None = None,
        ids: Collection[str] = (),
        texts: Collection[str] | None = (),
        missing: Collection[str] | None = None,
    ) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """The rows, with the index of the written DataFrame as a column; arguments as in `read_frame`."""
        names = self.names if columns is None else list(columns)
        try:
            is_file = isinstance(self._source, pq.ParquetFile)
            table = self._source.read(columns=names) if is_file else self._source.to_table(columns=names)
            # Integers with gaps must not become floats: large ids would lose digits.
            return table.to_pandas(ignore_metadata=True, integer_object_nulls=True), ()
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path} is damaged ({_first(error)}). Create it again.") from None

    def sample(self, rows: int = 1000) -> pd.DataFrame:
        """The first rows, without columns of lists or objects."""
        schema = self._source.schema_arrow if isinstance(self._source, pq.ParquetFile) else self._source.schema
        flat = [field.name for field in schema if not pa.types.is_nested(field.type)]
        if isinstance(self._source, pq.ParquetFile):
            table = next(self._source.iter_batches(rows, columns=flat), None) if flat else None
        else:
            table = self._source.head(rows, columns=flat)
        return pd.DataFrame() if table is None else table.to_pandas(integer_object_nulls=True)


def parquet_parts(folder: Path) -> list[Path]:
    """The parquet files of a folder and its subfolders, without hidden ones, which start with `_` or a dot."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    )


def _file(path: Path) -> pq.ParquetFile:
    if not path.stat().st_size:
        raise InputError(f"{path} is empty: expected a parquet file.")
    if not is_compressed(path):
        return pq.ParquetFile(path)
    with open_bytes(path) as file:
        return pq.ParquetFile(pa.BufferReader(file.read()))


def _dataset(folder: Path) -> ds.Dataset:
    parts = parquet_parts(folder)
    empty = next((part for part in parts if not part.stat().st_size), None)
    if empty is not None:
        raise InputError(f"{empty} is empty: expected a parquet file.")
    # Partition values, as in country=de/, are texts: as numbers they would lose leading zeros.
    keys = dict.fromkeys(
        part.split("=")[0] for path in parts for part in path.relative_to(folder).parts[:-1] if "=" in part
    )
    schemas = [pq.read_schema(part) for part in parts]
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as error:
        raise InputError(f"The parquet files in {folder} do not fit together: {_first(error)}. Rewrite them.") from None
    partitions = pa.schema([(key, pa.string()) for key in keys if key not in schema.names])
    schema = pa.schema([*schema.remove_metadata(), *partitions])
    partitioning = ds.partitioning(partitions, flavor="hive")
    return ds.dataset(
        [str(part) for part in parts],
        schema=schema,
        format="parquet",
        partitioning=partitioning,
        partition_base_dir=str(folder),
    )


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
