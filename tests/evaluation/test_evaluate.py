"""The evaluation equals a simple, slow one, and rejects invalid arguments."""

import importlib
import json
import math

import keras
import numpy as np
import pandas as pd
import pytest

from tfrec.data import ByTime, FeatureSpec, Interactions, LeaveLastOut
from tfrec.errors import InputError
from tfrec.evaluation import ItemToItem, Popularity, comparison, evaluate
from tfrec.models import ComiRec, SASRec


def random_table(seed=0, users=40, items=25):
    random = np.random.default_rng(seed)
    rows = [
        {"u": f"u{user}", "i": f"i{item}", "t": time}
        for user in range(users)
        for time, item in enumerate(random.choice(items, random.integers(3, 12), replace=False))
    ]
    return Interactions.from_pandas(pd.DataFrame(rows), user="u", item="i", time="t")


def one_by_one(model, spec, holdout):
    """The scores of each user, computed one by one."""
    history, found = holdout.history.to_pandas(), {}
    for user in holdout.targets.to_pandas()["user"].unique():
        past = history[history.user == user].item.tolist()
        newest = [int(spec.items.encode([item])[0]) for item in past if item in spec.items][-spec.max_length :]
        found[user] = np.asarray(keras.ops.convert_to_numpy(model.score({"history": np.array([newest])})))[0]
    return found


def obvious(scores_of, spec, holdout, k, mask_seen=True):
    """One user after the other, in plain Python."""
    history, targets = holdout.history.to_pandas(), holdout.targets.to_pandas()
    recalls, gains, reciprocals, shown = [], [], [], set()
    for user, wanted in targets.groupby("user")["item"]:
        past = history[history.user == user].item.tolist()
        known = [int(spec.items.encode([item])[0]) for item in past if item in spec.items]
        scores = scores_of[user]
        ranking = sorted((i for i in range(2, spec.num_items + 2)), key=lambda i: (-scores[i], i))
        ranking = [spec.items.decode([i])[0] for i in ranking if not (mask_seen and i in known)][:k]
        shown.update(ranking)
        hits = [item in set(wanted) for item in ranking]
        recalls.append(sum(hits) / len(wanted))
        best = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
        gains.append(sum(hit / math.log2(place + 2) for place, hit in enumerate(hits)) / best)
        reciprocals.append(next((1 / (place + 1) for place, hit in enumerate(hits) if hit), 0))
    values = np.mean(recalls), np.mean(gains), np.mean(reciprocals), len(shown) / spec.num_items
    return dict(zip([f"recall@{k}", f"ndcg@{k}", f"mrr@{k}", f"coverage@{k}"], values, strict=True))


@pytest.fixture(scope="module", params=[LeaveLastOut(), ByTime(6, 8)], ids=["last", "time"])
def asked_one_by_one(request):
    """A model and its spec, and (holdout, scores of its users) for both holdouts of a split."""
    train, valid, test = random_table(users=20).split(request.param)
    spec = FeatureSpec.fit(train, max_length=4)
    model = SASRec(spec.num_items, max_length=4, hidden_dim=8, seed=1)
    return model, spec, [(holdout, one_by_one(model, spec, holdout)) for holdout in (valid, test)]


@pytest.mark.parametrize("mask_seen", [True, False])
def test_equals_a_simple_implementation(asked_one_by_one, mask_seen):
    model, spec, asked = asked_one_by_one
    for holdout, scores_of in asked:
        report = evaluate(model, spec, holdout, ks=(1, 5), batch_size=7, mask_seen=mask_seen)
        for k in (1, 5):
            expected = obvious(scores_of, spec, holdout, k, mask_seen)
            for name, value in expected.items():
                assert report.metrics[name] == pytest.approx(value, abs=1e-6), name


def test_a_model_with_several_interests_gets_fewer_users_per_batch(monkeypatch):
    """Its scores take as much memory as those of one interest for K times the users."""
    train, _, test = random_table().split(LeaveLastOut())
    spec = FeatureSpec.fit(train, max_length=4)
    model = ComiRec(spec.num_items, max_length=4, hidden_dim=8, num_interests=3, seed=1)
    whole = evaluate(model, spec, test, ks=(5,))
    asked, score = [], model.score
    monkeypatch.setattr(model, "score", lambda inputs: asked.append(len(inputs["history"])) or score(inputs))
    module = importlib.import_module("tfrec.evaluation.target_ranks")
    monkeypatch.setattr(module, "_CELLS", 20 * (spec.num_items + 2))
    few = evaluate(model, spec, test, ks=(5,))
    assert max(asked) == 20 // 3
    assert few.metrics == pytest.approx(whole.metrics, abs=1e-6)
    assert few.metrics["recall@5"] == pytest.approx(
        obvious(one_by_one(model, spec, test), spec, test, 5)["recall@5"], abs=1e-6
    )


def test_a_model_with_timestamps_gets_those_of_the_newest_known_items():
    """The score of the only item encodes the given timestamps."""
    table = random_table()
    train, _, test = table.split(LeaveLastOut())
    spec = FeatureSpec.fit(train, max_length=4)
    frame = test.history.to_pandas()
    frame = frame[frame["item"].isin(set(spec.items.tokens))]
    wanted = {tuple(rows["item"][-4:]): rows["time"].tolist()[-4:] for _, rows in frame.groupby("user")}

    class Timed(Popularity):
        input_names = ("history", "timestamps")
        asked = 0

        def score(self, inputs):
            for ids, stamps in zip(inputs["history"], inputs["timestamps"], strict=True):
                assert not stamps[ids == 0].any() and stamps.dtype == np.int64
                assert stamps[ids > 0].tolist() == wanted[tuple(spec.items.decode(ids[ids > 0]))]
                self.asked += 1
            return super().score(inputs)

    model = Timed(spec)
    evaluate(model, spec, test, batch_size=7)
    assert model.asked == 40
    frame = table.to_pandas()[["user", "item"]]
    timeless = Interactions.from_pandas(frame, user="user", item="item").split(LeaveLastOut()).test
    with pytest.raises(InputError, match=r"reads timestamps.*none"):
        evaluate(model, spec, timeless)


def test_unknown_and_seen_targets_are_misses_and_are_reported():
    frame = pd.DataFrame(
        {"u": list("aaaabbbb"), "i": ["x", "y", "z", "new", "x", "y", "z", "x"], "t": [1, 2, 3, 4] * 2}
    )
    train, _, test = Interactions.from_pandas(frame, user="u", item="i", time="t").split(LeaveLastOut())
    spec = FeatureSpec.fit(train)
    report = evaluate(Popularity(spec), spec, test, ks=(10,))
    assert (report.unknown_targets, report.seen_targets, report.metrics["recall@10"]) == (1, 1, 0.0)
    assert "not in the vocabulary" in str(report) and "repeat an item" in str(report)
    assert evaluate(Popularity(spec), spec, test, mask_seen=False).metrics["recall@10"] == 0.5


def test_the_report_holds_hash_seed_and_versions(tmp_path):
    train, _, test = random_table().split(LeaveLastOut())
    spec = FeatureSpec.fit(train)
    report = evaluate(Popularity(spec), spec, test, seed=7)
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved["seed"] == 7 and saved["versions"]["keras"] == keras.__version__ and saved["seconds"] >= 0
    assert (
        saved["data_sha256"] != evaluate(Popularity(spec), spec, random_table(1).split(LeaveLastOut()).test).data_sha256
    )
    table = comparison([report, evaluate(ItemToItem(train, spec), spec, test)])
    assert "popularity" in table and "item-to-item" in table


def test_an_unknown_target_does_not_count_as_seen():
    frame = pd.DataFrame({"u": list("aaaabbb"), "i": ["x", "y", "z", "new", "x", "z", "y"]})
    train, _, test = Interactions.from_pandas(frame, user="u", item="i").split(LeaveLastOut())
    spec = FeatureSpec.fit(train)
    report = evaluate(Popularity(spec), spec, test)
    assert (report.unknown_targets, report.seen_targets) == (1, 0)


def test_a_model_of_another_spec_and_data_of_other_items_raise_an_error():
    train, _, test = random_table().split(LeaveLastOut())
    spec = FeatureSpec.fit(train, max_length=4)
    with pytest.raises(InputError, match="num_items"):
        evaluate(SASRec(spec.num_items + 1, max_length=4, hidden_dim=8), spec, test)
    foreign = FeatureSpec.fit(Interactions.from_pandas(pd.DataFrame({"u": [1, 1], "i": ["q", "r"]}), "u", "i"))
    with pytest.raises(InputError, match="None of the 40 held-back items"):
        evaluate(Popularity(foreign), foreign, test)


def test_a_diverged_model_raises_an_error():
    train, _, test = random_table().split(LeaveLastOut())
    spec = FeatureSpec.fit(train)

    class Diverged(Popularity):
        def score(self, inputs):
            return np.full((len(inputs["history"]), spec.num_items + 2), np.nan, np.float32)

    with pytest.raises(InputError, match="diverged"):
        evaluate(Diverged(spec), spec, test)
    for ks in ((0,), (1.5,), (), ("10",), (True,), (float("nan"),), 10, "10", None, {10: 1}):
        with pytest.raises(InputError, match="ks must be positive"):
            evaluate(Popularity(spec), spec, test, ks=ks)


def test_item_to_item_recommends_items_seen_together():
    frame = pd.DataFrame({"u": [1, 1, 2, 2, 3, 3, 4], "i": ["a", "b", "a", "b", "c", "d", "a"]})
    table = Interactions.from_pandas(frame, user="u", item="i")
    spec = FeatureSpec.fit(table)
    scores = ItemToItem(table, spec).score({"history": spec.items.encode(["a"])[None]})[0]
    assert spec.items.decode([int(np.argmax(scores))]) == ["b"]


@pytest.mark.parametrize("inputs", [("history",), ("user", "history")])
def test_users_whom_the_model_does_not_know_are_counted(inputs):
    """By their ids where the model reads them, and else by the items of their history."""
    table = Interactions.from_pandas(pd.DataFrame({"u": list("aaabbbccc"), "i": list("xyzxyzpqz")}), user="u", item="i")
    known = table.take(table.user_ids[table.user_codes] != "c")
    spec = FeatureSpec.fit(known, max_length=4, users=True)

    class Reads(Popularity):
        input_names = inputs

    report = evaluate(Reads(spec), spec, table.split(LeaveLastOut()).test, ks=(1,))
    assert report.unknown_users == 1 and "1 of 3 users are unknown to the model" in str(report)
    report = evaluate(Reads(spec), spec, known.split(LeaveLastOut()).test, ks=(1,))
    assert report.unknown_users == 0 and "unknown to the model" not in str(report)
