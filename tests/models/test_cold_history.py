"""A history without items gets the popularity ranking in every model."""

import numpy as np
import pytest
from small import VARIANTS, given, kept, made

from tfrec.data import FeatureSpec, Interactions

pytestmark = pytest.mark.tensorflow

EMPTY = np.array([[0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("name", VARIANTS)
def test_a_history_without_known_items_is_ranked_by_the_order_of_the_ids(name):
    model = kept(name)
    for history in (EMPTY, EMPTY[:, :0]):
        ids, scores = model.recommend(given(model, history), k=4)
        assert np.asarray(ids).tolist() == [[2, 3, 4, 5]] * 2
        np.testing.assert_allclose(scores, [-np.log([1, 2, 3, 4])] * 2, rtol=1e-5)
    alone = np.asarray(model.score(given(model, [[0, 7, 9]])))
    beside = np.asarray(model.score(given(model, [[0, 0, 0], [0, 7, 9]])))
    np.testing.assert_allclose(beside[1:], alone, atol=1e-5)
    assert np.isneginf(beside[:, :2]).all()


@pytest.mark.parametrize("name", ["sasrec", "hstu-time", "bert4rec", "comirec"])
def test_model_and_raw_ids_give_the_same_ranking_if_counts_are_known(name):
    import pandas as pd

    from tfrec import serving

    counts = [9 - item // 3 for item in range(20)]
    frame = pd.DataFrame({"i": [f"i{item}" for item, count in enumerate(counts) for _ in range(count)]})
    frame["u"] = np.arange(len(frame)) % 7
    frame = frame.assign(t=np.arange(len(frame)))
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i", time="t"), max_length=6)
    model = made(name, num_items=spec.num_items)
    model.item_counts = spec.item_counts
    ids, scores = model.recommend(given(model, EMPTY), k=5)
    theirs, their_scores = serving.recommend(model, spec, [[], []], k=5)
    assert [spec.items.decode(row) for row in np.asarray(ids)] == theirs
    np.testing.assert_allclose(scores, their_scores)
    np.testing.assert_allclose(their_scores[0, 0], np.log(spec.item_counts.max() / spec.item_counts.sum()), rtol=1e-5)
