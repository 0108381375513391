"""Repeat consumption: an item held back several times for a user is one target."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tfrec.data import ByTime, FeatureSpec, Interactions
from tfrec.errors import InputError
from tfrec.evaluation import ItemToItem, Popularity, evaluate
from tfrec.metrics import mrr_at_k, ndcg_at_k, recall_at_k, target_ranks

pytestmark = pytest.mark.tensorflow


class Fixed:
    """A scorer with one list of scores for everyone."""

    name = "fixed"

    def __init__(self, spec, best_first=(), scores=None):
        scores = (
            [-best_first.index(token) if token in best_first else -99 for token in spec.items.tokens]
            if (scores is None)
            else scores[: spec.num_items]
        )
        self.scores = np.array([-np.inf, -np.inf, *scores], np.float32)

    def score(self, inputs):
        return np.broadcast_to(self.scores, (len(inputs["history"]), len(self.scores)))


def split_of(users, items, times, cuts):
    frame = pd.DataFrame({"u": list(users), "i": list(items), "t": times})
    return Interactions.from_pandas(frame, user="u", item="i", time="t").split(ByTime(*cuts))


def test_repeats_of_a_target_are_merged_and_counted():
    train, _, test = split_of("aaaaaabbbb", "pqvrxxxpvy", [1, 2, 9, 3, 11, 12, 1, 2, 9, 3], (8, 10))
    spec = FeatureSpec.fit(train)
    report = evaluate(Fixed(spec, ["x"]), spec, test, ks=(1, 2))
    assert {name: report.metrics[name] for name in ("recall@1", "ndcg@1", "mrr@1", "recall@2", "ndcg@2")} == {
        "recall@1": 1, "ndcg@1": 1, "mrr@1": 1, "recall@2": 1, "ndcg@2": 1
    }  # fmt: skip
    assert (report.num_users, report.num_targets, report.repeated_targets) == (1, 1, 1)
    assert "1 held-back rows repeat a target of the same user" in str(report)
    assert evaluate(ItemToItem(train, spec), spec, test).metrics["ndcg@10"] <= 1
    _, _, once = split_of("aaaabb", "pqvxpx", [1, 2, 9, 12, 1, 2], (8, 10))
    report = evaluate(Fixed(spec, ["x"]), spec, once)
    assert report.repeated_targets == 0 and "repeat a target" not in str(report)


def test_a_repeated_unknown_or_seen_target_is_one_miss():
    train, _, test = split_of("aaaaaaaabb", "pqpnnmpppq", [1, 2, 3, 11, 12, 13, 14, 15, 2, 8], (8, 10))
    spec = FeatureSpec.fit(train)
    report = evaluate(Popularity(spec), spec, test, ks=(3,))
    # The targets of a are n and m, which are unknown, and p, which is in the history.
    assert (report.num_targets, report.repeated_targets, report.unknown_targets, report.seen_targets) == (3, 2, 2, 1)
    assert report.metrics["recall@3"] == 0
    kept = evaluate(Popularity(spec), spec, test, ks=(3,), mask_seen=False)
    assert kept.metrics["recall@3"] == pytest.approx(1 / 3) and kept.metrics["ndcg@3"] < 1


rows = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("pqrsxyz"), st.integers(0, 9)), min_size=4, max_size=30
)


def by_hand(scores, spec, holdout, k, mask_seen):
    """The metrics in plain Python, with sets."""
    score_of = dict(zip(spec.items.tokens.tolist(), scores.tolist(), strict=True))
    history, targets = holdout.history.to_pandas(), holdout.targets.to_pandas()
    sums = dict.fromkeys(("recall", "ndcg", "mrr"), 0.0)
    shown = set()
    asked = {user: set(wanted) for user, wanted in targets.groupby("user")["item"]}
    for user, wanted in asked.items():
        past = set(history.loc[history["user"] == user, "item"]) if mask_seen else set()
        free = {item: score for item, score in score_of.items() if item not in past}
        shown.update(sorted(free, key=lambda item: -free[item])[:k])  # the sort is stable, as `top_k` is
        # A tie counts against the model.
        places = sorted(sum(other >= free[item] for other in free.values()) - 1 for item in wanted if item in free)
        places = [place for place in places if place < k]
        best = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
        sums["recall"] += len(places) / len(wanted) / len(asked)
        sums["ndcg"] += sum(1 / math.log2(place + 2) for place in places) / best / len(asked)
        sums["mrr"] += (1 / (places[0] + 1) if places else 0) / len(asked)
    sums["coverage"] = len(shown) / spec.num_items
    return {f"{name}@{k}": value for name, value in sums.items()}, sum(map(len, asked.values()))


@settings(max_examples=30, deadline=None)
@given(rows, st.lists(st.integers(0, 5), min_size=7, max_size=7), st.booleans())
def test_every_metric_equals_one_on_sets_and_lies_between_0_and_1(rows, scores, mask_seen):
    try:
        train, _, test = split_of(*zip(*rows, strict=True), (3, 6))
        spec = FeatureSpec.fit(train)
        spec.check_holdout(test)
    except InputError:
        assume(False)
    model = Fixed(spec, scores=scores)
    report = evaluate(model, spec, test, ks=(1, 3, 10), mask_seen=mask_seen)
    assert all(0 <= value <= 1 for value in report.metrics.values())
    for k in (1, 3, 10):
        expected, distinct = by_hand(model.scores[2:], spec, test, k, mask_seen)
        assert {name: report.metrics[name] for name in expected} == pytest.approx(expected, abs=1e-6)
        assert report.num_targets == distinct and report.repeated_targets == len(test) - distinct


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(12)), st.integers(1, 12), st.integers(1, 14))
def test_rounding_does_not_raise_a_metric_above_1(order, num_targets, k):
    scores = -np.arange(12, dtype=np.float32)[None]
    ranks = target_ranks(scores, np.array(order[:num_targets])[None])
    is_target = np.ones((1, num_targets), bool)
    for metric in (recall_at_k, ndcg_at_k, mrr_at_k):
        assert 0 <= float(metric(ranks, is_target, k)[0]) <= 1
    if set(order[:num_targets]) == set(range(num_targets)):
        assert float(ndcg_at_k(ranks, is_target, k)[0]) == 1
