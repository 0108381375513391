"""Baselines for retrieval models, fitted without gradients: counts, neighbours, graph filters, closed-form solvers.

Each is fitted on the training part, has a `name` and a method `score`, and reads only the history. So users who are not
in the training data are scored like all others. A user without a known item gets the popularity ranking.
"""

from tfrec.evaluation.baselines.build import BASELINES, DEFAULT_BASELINES, build_baselines, check_baselines
from tfrec.evaluation.baselines.ease import EASE
from tfrec.evaluation.baselines.graph_filter import GraphFilter
from tfrec.evaluation.baselines.ials import IALS
from tfrec.evaluation.baselines.item_to_item import ItemToItem
from tfrec.evaluation.baselines.popularity import Popularity
from tfrec.evaluation.baselines.user_knn import UserKNN

__all__ = [
    "BASELINES",
    "DEFAULT_BASELINES",
    "EASE",
    "IALS",
    "GraphFilter",
    "ItemToItem",
    "Popularity",
    "UserKNN",
    "build_baselines",
    "check_baselines",
]
