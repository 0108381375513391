"""Export a preset as a SavedModel that stock TensorFlow Serving loads: raw ids in, ranked ids out."""

from tfrec.inference import Attention, explain, explain_history, heat_map, rank, recommend, score
from tfrec.serving.exporter import export
from tfrec.serving.files.tensorflow_versions import STOCK_IMAGE, server_image
from tfrec.serving.how_to import how_to_serve
from tfrec.serving.how_to_ask import how_to_ask
from tfrec.serving.ranking_exporter import export_ranking, export_two_stage
from tfrec.serving.runtime import Call, ReplayError, replay
from tfrec.serving.stage_overlap import describe_common
from tfrec.serving.verify.parity import ParityError
from tfrec.serving.verify.version_check import Check, serve_check

__all__ = [
    "STOCK_IMAGE",
    "Attention",
    "Call",
    "Check",
    "ParityError",
    "ReplayError",
    "describe_common",
    "explain",
    "explain_history",
    "export",
    "export_ranking",
    "export_two_stage",
    "heat_map",
    "how_to_ask",
    "how_to_serve",
    "rank",
    "recommend",
    "replay",
    "score",
    "serve_check",
    "server_image",
]
