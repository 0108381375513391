"""The only numbers that are reported: the full catalogue ranked, seen items masked."""

from tfrec.evaluation.baselines import ItemToItem, Popularity
from tfrec.evaluation.evaluate import evaluate
from tfrec.evaluation.report import Report, comparison

__all__ = ["ItemToItem", "Popularity", "Report", "comparison", "evaluate"]
