"""Baselines for retrieval models, without learning by gradient: counts, neighbours, and two closed-form solvers.

Each is fitted on the training part, has a `name` and a method `score`, and reads the history alone. So a user whom the
training did not see is scored like any other, and a user without a known item gets the popularity ranking.
"""

from tfrec.evaluation.baselines.build import BASELINES, DEFAULT_BASELINES, build_baselines, check_baselines
from tfrec.evaluation.baselines.ease import EASE
from tfrec.evaluation.baselines.ials import IALS
from tfrec.evaluation.baselines.item_to_item import ItemToItem
from tfrec.evaluation.baselines.popularity import Popularity
from tfrec.evaluation.baselines.user_knn import UserKNN

__all__ = [
    "BASELINES",
    "DEFAULT_BASELINES",
    "EASE",
    "IALS",
    "ItemToItem",
    "Popularity",
    "UserKNN",
    "build_baselines",
    "check_baselines",
]
