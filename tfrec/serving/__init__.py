"""From a preset to a SavedModel that stock TensorFlow Serving loads: raw ids in, ranked ids out."""

from tfrec.serving.check import Check, serve_check
from tfrec.serving.common_items import describe_common
from tfrec.serving.explanation import Attention, explain, explain_history
from tfrec.serving.exporter import export
from tfrec.serving.heat_map import heat_map
from tfrec.serving.how_to import STOCK_IMAGE, how_to_serve
from tfrec.serving.how_to_ask import how_to_ask
from tfrec.serving.parity import ParityError
from tfrec.serving.ranked_exporter import export_ranking, export_two_stage
from tfrec.serving.ranking_reference import rank
from tfrec.serving.reference import recommend, score
from tfrec.serving.runtime import Call, ReplayError, replay

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
]
