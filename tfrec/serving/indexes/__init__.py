"""Indexes find the K best items of a catalogue: one interface, several implementations."""

from tfrec.serving.indexes.build_index import build
from tfrec.serving.indexes.clustered import Clustered
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import Index
from tfrec.serving.indexes.quantized import Quantized
from tfrec.serving.indexes.scann_tree import ScannTree
from tfrec.serving.indexes.transposed import Transposed

__all__ = ["Clustered", "Exact", "Index", "Quantized", "ScannTree", "Transposed", "build"]
