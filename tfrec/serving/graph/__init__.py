"""The TensorFlow graphs of an export: from raw ids to ranked raw ids."""

from tfrec.serving.graph.ranking_graph import RankingModule
from tfrec.serving.graph.retrieval_graph import RetrievalModule
from tfrec.serving.graph.two_stage import TwoStageModule

__all__ = ["RankingModule", "RetrievalModule", "TwoStageModule"]
