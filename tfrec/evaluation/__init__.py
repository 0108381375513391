"""Evaluation: full-catalogue ranking with seen items masked, or predictions against the labels of held-out rows."""

from tfrec.evaluation.baselines import (
    BASELINES,
    DEFAULT_BASELINES,
    EASE,
    IALS,
    GraphFilter,
    ItemToItem,
    Popularity,
    UserKNN,
    build_baselines,
    check_baselines,
)
from tfrec.evaluation.evaluate_catalogue import evaluate_catalogue, relevance
from tfrec.evaluation.evaluate_holdout import evaluate
from tfrec.evaluation.evaluate_labelled import LabelReport, evaluate_labelled, label_comparison, predictions
from tfrec.evaluation.label_baselines import Biases, MeanLabel, label_baselines
from tfrec.evaluation.label_plots import label_plot
from tfrec.evaluation.report import Report, comparison
from tfrec.evaluation.sampled_negatives import SampledNegatives
from tfrec.evaluation.target_ranks import liked_targets, some_users

__all__ = [
    "BASELINES",
    "DEFAULT_BASELINES",
    "EASE",
    "IALS",
    "Biases",
    "GraphFilter",
    "ItemToItem",
    "LabelReport",
    "MeanLabel",
    "Popularity",
    "Report",
    "SampledNegatives",
    "UserKNN",
    "build_baselines",
    "check_baselines",
    "comparison",
    "evaluate",
    "evaluate_catalogue",
    "evaluate_labelled",
    "label_baselines",
    "label_comparison",
    "label_plot",
    "liked_targets",
    "predictions",
    "relevance",
    "some_users",
]
