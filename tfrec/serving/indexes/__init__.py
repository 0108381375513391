"""How an export finds the K best of a catalogue: one interface, several ways."""

from tfrec.serving.indexes.clustered import Clustered
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import Index

__all__ = ["Clustered", "Exact", "Index"]
