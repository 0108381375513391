"""From files to tables: csv, tsv, parquet, sequence files, and the folders of publishers."""

from tfrec.data.readers.dispatch import read
from tfrec.data.readers.labelled_rows import is_labelled, read_examples

__all__ = ["is_labelled", "read", "read_examples"]
