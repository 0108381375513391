"""From a preset to a SavedModel that stock TensorFlow Serving loads: raw ids in, ranked ids out."""

from tfrec.serving.check import Check, serve_check
from tfrec.serving.exporter import export
from tfrec.serving.how_to import STOCK_IMAGE, how_to_serve
from tfrec.serving.parity import ParityError
from tfrec.serving.reference import recommend
from tfrec.serving.runtime import Call, ReplayError, replay

__all__ = [
    "STOCK_IMAGE",
    "Call",
    "Check",
    "ParityError",
    "ReplayError",
    "export",
    "how_to_serve",
    "recommend",
    "replay",
    "serve_check",
]
