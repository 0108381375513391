"""Metrics as pure functions: of ranks in a catalogue, and of scores and labels.

For `compile(metrics=...)`, use those of keras-rs and Keras.
"""

from tfrec.metrics.labels import auc, calibration, calibration_error, grouped_auc, log_loss, mae, rmse
from tfrec.metrics.ranking import mrr_at_k, ndcg_at_k, recall_at_k, target_ranks

__all__ = [
    "auc",
    "calibration",
    "calibration_error",
    "grouped_auc",
    "log_loss",
    "mae",
    "mrr_at_k",
    "ndcg_at_k",
    "recall_at_k",
    "rmse",
    "target_ranks",
]
