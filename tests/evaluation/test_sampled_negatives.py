"""Targets ranked among sampled items: the draws, and the metrics compared with simple counting."""

import math

import numpy as np
import pandas as pd
import pytest

from tfrec.data import FeatureSpec, Fixed, Interactions, LeaveLastOut
from tfrec.errors import InputError
from tfrec.evaluation import Popularity, SampledNegatives, comparison, evaluate
from tfrec.metrics import target_ranks


def random_table(users=40, items=25, part=False):
    random = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"i{item}", "test" if place < 3 and part else "train")
        for user in range(users)
        for place, item in enumerate(random.choice(items, random.integers(6, 12), replace=False))
    ]
    frame = pd.DataFrame(rows, columns=["u", "i", "part"])
    return Interactions.from_pandas(frame, user="u", item="i", part="part" if part else None)


class Scores(Popularity):
    """A score for each id that is the same for all users, without ties."""

    def __init__(self, spec):
        random = np.random.default_rng(5)
        self._scores = np.append([-np.inf, -np.inf], random.permutation(spec.num_items)).astype(np.float32)


@pytest.fixture(scope="module", params=["one target", "several targets"])
def asked(request):
    one = request.param == "one target"
    test = random_table(part=not one).split(LeaveLastOut() if one else Fixed()).test
    return FeatureSpec.fit(test.history), test


def test_negatives_are_items_that_the_user_does_not_have(asked):
    spec, test = asked
    drawn = SampledNegatives(8, seed=3).draw(test, spec)
    had = pd.concat([test.history.to_pandas(), test.targets.to_pandas()]).groupby("user")["item"].agg(set)
    for user, ids in zip(test.targets.user_ids, drawn, strict=True):
        items = spec.items.decode(ids)
        assert len(set(items)) == 8 and not had[user] & set(items)
    assert (drawn == SampledNegatives(8, seed=3).draw(test, spec)).all()
    assert (drawn != SampledNegatives(8, seed=4).draw(test, spec)).any()
    share = np.bincount(SampledNegatives(14).draw(test, spec).ravel(), minlength=27)[2:]
    assert share.min() > 0  # every item is drawn for at least one user


def test_metrics_are_those_of_plain_counting(asked):
    spec, test = asked
    negatives, model = SampledNegatives(8, seed=3), Scores(spec)
    report = evaluate(model, spec, test, ks=(1, 3), batch_size=7, negatives=negatives)
    drawn = dict(zip(test.targets.user_ids, negatives.draw(test, spec), strict=True))
    for k in (1, 3):
        recalls, gains = [], []
        for user, wanted in test.targets.to_pandas().groupby("user")["item"]:
            targets = spec.items.encode(list(wanted)).tolist()
            ranking = sorted([*drawn[user].tolist(), *targets], key=lambda i: -model._scores[i])[:k]
            hits = [item in targets and item > 1 for item in ranking]
            recalls.append(sum(hits) / len(targets))
            best = sum(1 / math.log2(place + 2) for place in range(min(k, len(targets))))
            gains.append(sum(hit / math.log2(place + 2) for place, hit in enumerate(hits)) / best)
        assert report.metrics[f"recall@{k}"] == pytest.approx(np.mean(recalls), abs=1e-6)
        assert report.metrics[f"ndcg@{k}"] == pytest.approx(np.mean(gains), abs=1e-6)
    assert "coverage@3" not in report.metrics
    assert report.to_json()["negatives"] == {"count": 8, "seed": 3, "absent_items": 0}
    assert "8 sampled items, not all" in str(report) and "targets and 8 items ranked" in comparison([report])
    whole = evaluate(model, spec, test, ks=(3,))
    assert whole.metrics["recall@3"] < report.metrics["recall@3"] and whole.negatives is None


def test_several_targets_of_a_user_are_measured_as_in_the_lightgcn_paper():
    """Recall is the share of the user's test items; the ideal list holds as many as fit in K."""
    test = random_table(part=True).split(Fixed()).test
    spec = FeatureSpec.fit(test.history)
    model, k = Scores(spec), 2
    recalls, gains = [], []
    history_of = test.history.to_pandas().groupby("user")["item"].agg(list)
    for user, wanted in test.targets.to_pandas().groupby("user")["item"]:
        scores = model._scores.copy()
        scores[spec.items.encode(history_of[user])] = -np.inf
        hits = np.isin(np.argsort(-scores)[:k], spec.items.encode(list(wanted)))
        recalls.append(hits.sum() / len(wanted))
        ideal = (np.arange(k) < len(wanted)) / np.log2(np.arange(2, k + 2))
        gains.append((hits / np.log2(np.arange(2, k + 2))).sum() / ideal.sum())
    report = evaluate(model, spec, test, ks=(k,))
    assert report.metrics["recall@2"] == pytest.approx(np.mean(recalls), abs=1e-6)
    assert report.metrics["ndcg@2"] == pytest.approx(np.mean(gains), abs=1e-6)


def test_ranks_of_an_evaluation_are_those_of_the_metric():
    from tfrec.evaluation.target_ranks import _ranks

    random = np.random.default_rng(0)
    scores = np.where(random.random((6, 9)) < 0.3, -np.inf, random.integers(0, 4, (6, 9))).astype(np.float32)
    rows, is_target = random.integers(0, 9, (6, 3)), random.random((6, 3)) < 0.7
    expected = np.where(is_target, np.asarray(target_ranks(scores, rows)), 2**30)
    assert _ranks(scores, rows, is_target).tolist() == expected.tolist()


def test_too_many_negatives_and_invalid_arguments_raise_an_error(asked):
    spec, test = asked
    with pytest.raises(InputError, match=r"User 'u\d+' has only \d+ unseen items, fewer than the 20 negatives"):
        evaluate(Popularity(spec), spec, test, negatives=SampledNegatives(20))
    for wrong in ({"count": 0}, {"absent_items": -1}, {"count": 9.5}, {"seed": -1}, {"count": True}):
        with pytest.raises(InputError, match="must be"):
            SampledNegatives(**wrong)


def test_absent_items_are_drawn_as_often_as_others_and_rank_last(asked):
    spec, test = asked
    drawn = SampledNegatives(8, absent_items=40).draw(test, spec)
    assert 0.55 < (drawn == 0).mean() < 0.8  # of some 15 unseen items and 40 absent ones
    for ids in drawn:
        present = ids[ids > 0]
        assert len(set(present)) == len(present) and (present > 1).all()
    few, many = (
        evaluate(Scores(spec), spec, test, ks=(3,), negatives=SampledNegatives(8, absent_items=absent))
        for absent in (0, 10**6)
    )
    assert few.metrics["recall@3"] < many.metrics["recall@3"]
    mean_reachable = np.mean([min(1, 3 / n) for n in np.bincount(test.targets.user_codes)])
    assert many.metrics["recall@3"] == pytest.approx(mean_reachable, abs=0.03)
