import numpy as np
from keras import ops

from tfrec.ops import shortlist


def test_the_target_keeps_its_rank_among_the_best_or_is_appended():
    scores = np.array([[5.0, 1, 4, 3, 2]] * 3, "float32")
    labels, best = (ops.convert_to_numpy(part) for part in shortlist(scores, np.array([2, 1, 4]), k=3))
    assert labels.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    assert best.tolist() == [[5, 4, 3, 3], [5, 4, 3, 1], [5, 4, 3, 2]]


def test_keras_rs_metrics_equal_those_on_the_whole_catalogue():
    from keras_rs.metrics import NDCG, RecallAtK

    rng = np.random.default_rng(0)
    scores, targets = rng.normal(size=(50, 40)).astype("float32"), rng.integers(0, 40, 50)
    labels, best = shortlist(scores, targets, k=10)
    for metric in (NDCG, RecallAtK):
        whole, short = metric(k=10, shuffle_ties=False), metric(k=10, shuffle_ties=False)
        whole.update_state(np.eye(40, dtype="float32")[targets], scores)
        short.update_state(labels, best)
        np.testing.assert_allclose(float(short.result()), float(whole.result()), rtol=1e-5)
