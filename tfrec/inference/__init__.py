"""Use a trained model in Python with raw ids: recommend, score, rank and explain."""

from tfrec.inference.candidate_scores import rank
from tfrec.inference.explanation import Attention, explain, explain_history
from tfrec.inference.heat_map import heat_map
from tfrec.inference.recommendations import recommend, score

__all__ = ["Attention", "explain", "explain_history", "heat_map", "rank", "recommend", "score"]
