"""Read tables from files: csv, tsv, parquet, JSON lines, sequence files, and folders as published."""

from tfrec.data.readers.dispatch import read
from tfrec.data.readers.labelled_rows import is_labelled, read_examples

__all__ = ["is_labelled", "read", "read_examples"]
