"""From a preset to a SavedModel that stock TensorFlow Serving loads: raw ids in, ranked ids out."""

from tfrec.serving.exporter import export
from tfrec.serving.how_to import how_to_serve
from tfrec.serving.parity import ParityError, replay
from tfrec.serving.reference import recommend

__all__ = ["ParityError", "export", "how_to_serve", "recommend", "replay"]
