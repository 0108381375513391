"""Ranking metrics equal those of keras-rs, and edge cases."""

import keras_rs
import numpy as np
import pytest
from keras import ops

from tfrec.metrics import mrr_at_k, ndcg_at_k, recall_at_k, target_ranks


@pytest.mark.parametrize("k", [1, 3, 10])
def test_agree_with_keras_rs_for_several_targets(k):
    random = np.random.default_rng(0)
    scores = random.permuted(np.tile(np.arange(20, dtype="float32"), (6, 1)), axis=1)
    targets = np.stack([random.choice(20, 4, replace=False) for _ in range(6)])
    is_target = np.arange(4) < random.integers(1, 5, 6)[:, None]
    relevance = np.zeros((6, 20), "float32")
    for row, column in zip(*np.nonzero(is_target), strict=True):
        relevance[row, targets[row, column]] = 1
    ranks = target_ranks(scores, targets)
    for ours, theirs in (
        (ndcg_at_k, keras_rs.metrics.NDCG(k=k, shuffle_ties=False)),
        (recall_at_k, keras_rs.metrics.RecallAtK(k=k, shuffle_ties=False)),
        (mrr_at_k, keras_rs.metrics.MeanReciprocalRank(k=k, shuffle_ties=False)),
    ):
        theirs.update_state(relevance, scores)
        found = float(np.mean(ops.convert_to_numpy(ours(ranks, is_target, k))))
        assert found == pytest.approx(float(theirs.result()), abs=1e-6), ours.__name__


def test_ties_count_against_the_target():
    ranks = ops.convert_to_numpy(target_ranks(np.zeros((1, 50), "float32"), np.array([[0]])))
    assert ranks.tolist() == [[49]]


def test_a_masked_target_is_a_miss():
    scores = np.full((1, 5), -np.inf, "float32")
    ranks = target_ranks(scores, np.array([[2]]))
    assert float(recall_at_k(ranks, np.array([[True]]), 10)[0]) == 0


def test_a_row_without_targets_is_ignored():
    nothing = np.array([[False, False]])
    for metric in (recall_at_k, ndcg_at_k, mrr_at_k):
        assert float(metric(np.array([[0, 1]]), nothing, 10)[0]) == 0
