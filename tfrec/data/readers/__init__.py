"""From files to `Interactions`: csv, tsv, parquet, sequence files, and the folders of publishers."""

from tfrec.data.readers.dispatch import read

__all__ = ["read"]
