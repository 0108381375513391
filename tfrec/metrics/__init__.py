"""Ranking metrics as pure functions of ranks. For `compile(metrics=...)`, use those of keras-rs."""

from tfrec.metrics.ranking import mrr_at_k, ndcg_at_k, recall_at_k, target_ranks

__all__ = ["mrr_at_k", "ndcg_at_k", "recall_at_k", "target_ranks"]
