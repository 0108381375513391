"""Ranking models as rankers of the whole catalogue: their own scores, ranked by a loop over users and items."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops

from tfrec import models, presets
from tfrec.cli import main
from tfrec.data import Categorical, Examples, FeatureSpec, History, MultiValued, Numeric, Random, read
from tfrec.errors import InputError
from tfrec.evaluation import Popularity, evaluate_catalogue, relevance
from tfrec.inference import catalogue_scores, rank
from tfrec.measure import list_for_user
from tfrec.measure.table_parts import ranking_parts
from tfrec.models import BiasedMF, DeepFM, RankingModel
from tfrec.models.feature_inputs import feature_inputs
from tfrec.training import RankingRecipe

pytestmark = pytest.mark.tensorflow

HISTORY = {"length": 4, "with_label": True, "min_label": 2, "item_features": ("genres",)}
FEATURES = [Categorical("user", group="user"), Numeric("age"), MultiValued("genres"), Categorical("device")]
ITEMS = [f"i{n}" for n in range(12)]


def ratings(number=160, users=8, seed=0):
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"user": random.integers(0, users, number), "item": random.choice(ITEMS, number)})
    rows = rows.drop_duplicates(["user", "item"])
    rows["stars"] = random.integers(1, 6, len(rows))
    rows["time"] = random.permutation(len(rows)) + 1_500_000_000
    rows["device"] = random.choice(["tv", "phone"], len(rows))
    ages = pd.DataFrame({"user": range(users), "age": np.arange(users) * 7.0})
    genres = pd.DataFrame({"item": ITEMS, "genres": random.choice(["a|b", "c", "b|c"], len(ITEMS))})
    return Examples.from_pandas(rows, "stars", "user", "item", "time", users=ages, items=genres)


def drawn(model):
    """The model with weights far from where they begin."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        values = random.normal(0, 0.5, weight.shape)
        weight.assign(np.abs(values) + 0.5 if weight.path.endswith("variance") else values)
    return model


def parts(table):
    split = table.split(Random(valid=0.1, test=0.3))
    is_test = Random(valid=0.1, test=0.3).masks(None, len(table))[1]
    return split.train, split.test, table.take(~is_test)


def by_hand(model, spec, test, known, seen, relevant, k):
    """Recall, NDCG and MRR, user by user, from `tfrec.inference.rank` on raw values."""
    found = []
    names = lambda part, user: part.item_ids[part.item_codes[part.user_codes == user]]  # noqa: E731
    for user in range(len(test.user_ids)):
        own = (test.user_codes == user) & (test.labels >= relevant)
        targets = set(test.item_ids[test.item_codes[own]])
        if not targets:
            continue
        mine = np.flatnonzero(known.user_codes == user)
        mine = mine[np.argsort(known.times[mine], kind="stable")]
        features = {"user": [test.user_ids[user]]}
        if test.users is not None:
            features["age"] = [test.users["age"].get(test.user_ids[user])]
        features = {name: value for name, value in features.items() if name in model.input_names}
        history, labels = [known.item_ids[known.item_codes[mine]].tolist()], [known.labels[mine].tolist()]
        reads = "history" in model.input_names
        scores = rank(
            model,
            spec,
            [spec.items.tokens.tolist()],
            history if reads else None,
            features,
            labels if "history_label" in model.input_names else None,
        )[0]
        had = set(names(seen, user))
        places = {
            item: -np.inf if item in had else score for item, score in zip(spec.items.tokens, scores, strict=True)
        }
        places_of = [places.get(one, -np.inf) for one in targets]
        ranks = [sum(other >= own for other in places.values()) - 1 for own in places_of if own > -np.inf]
        ideal = sum(1 / np.log2(at + 2) for at in range(min(k, len(targets))))
        found.append(
            (
                sum(at < k for at in ranks) / len(targets),
                sum(1 / np.log2(at + 2) for at in ranks if at < k) / ideal,
                max([1 / (at + 1) for at in ranks if at < k], default=0),
            )
        )
    return np.mean(found, axis=0), len(found)


@pytest.mark.parametrize(
    ("name", "take", "more"),
    [
        ("DIN", "earlier", {"attention_dims": [4], "hidden_dims": [6]}),
        ("AttentionMatcher", "others", {"hidden_dims": [6], "dropout": 0.0}),
        ("BiasedMF", "earlier", {}),
    ],
)
def test_equals_a_loop_over_users_and_items(name, take, more, monkeypatch):
    table = ratings()
    train, test, seen = parts(table)
    spec = FeatureSpec.fit(train, features=FEATURES, history=History(take=take, **HISTORY))
    model = drawn(getattr(models, name)(spec.model_features(), embedding_dim=4, task="rating", seed=0, **more))
    wanted, users = by_hand(model, spec, test, train, seen, 4, 3)
    report = evaluate_catalogue(model, spec, test, train, ks=(3, 5), relevant=4, seen=seen)
    assert [report.metrics[f"{one}@3"] for one in ("recall", "ndcg", "mrr")] == pytest.approx(wanted, abs=1e-6)
    assert report.num_users == users and report.relevant == 4 and report.mask_seen
    assert "label of at least 4" in str(report)
    monkeypatch.setattr(catalogue_scores, "_EVENTS", 5 * catalogue_scores._NO_HISTORY)  # 5 pairs of an item at a time
    chunked = evaluate_catalogue(model, spec, test, train, ks=(3, 5), relevant=4, seen=seen)
    assert chunked.metrics == pytest.approx(report.metrics, abs=1e-6)


def test_a_model_that_cannot_share_the_user_is_ranked_too(monkeypatch):
    train, test, _ = parts(ratings())
    spec = FeatureSpec.fit(train, features=FEATURES)
    model = drawn(DeepFM(spec.model_features(), embedding_dim=4, hidden_dims=[4], task="rating", seed=0))
    shared = evaluate_catalogue(model, spec, test, train, relevant=3)
    monkeypatch.setattr(catalogue_scores, "runs_once", lambda model: False)
    assert evaluate_catalogue(model, spec, test, train, relevant=3).metrics == pytest.approx(shared.metrics, abs=1e-6)


def test_a_planted_taste_fills_the_list_and_popularity_does_not():
    """Users with an even number like items with an even number."""
    frame = pd.DataFrame([(f"u{u}", f"i{i}") for u in range(10) for i in range(40)], columns=["user", "item"])
    frame["stars"] = np.where(frame.index // 40 % 2 == frame.index % 40 % 2, 5, 1)
    train, test, seen = parts(Examples.from_pandas(frame, "stars", "user", "item"))
    spec = FeatureSpec.fit(train)

    class Planted(RankingModel):
        def __init__(self):
            inputs = feature_inputs(spec.model_features())
            tables = [
                keras.layers.Embedding(
                    len(vocabulary) + 2, 1, weights=[np.array([[0], [0]] + [[int(one[1:]) % 2] for one in vocabulary])]
                )
                for vocabulary in (spec.features[0].tokens.vocabulary.tokens, spec.items.tokens)
            ]
            user, item = (table(inputs[name]) for table, name in zip(tables, ("user", "item"), strict=True))
            equal = keras.layers.Lambda(lambda both: 1 - ops.abs(both[0] - both[1]))([user, item])
            super().__init__(inputs, keras.layers.Reshape((1,))(equal), task="rating")
            self.features = spec.model_features()

    full = evaluate_catalogue(Planted(), spec, test, train, ks=(10,), seen=seen)
    assert full.relevant == 5 and full.metrics["recall@10"] == 1.0
    popular = evaluate_catalogue(Popularity(spec), spec, test, train, ks=(10,), seen=seen)
    assert popular.metrics["recall@10"] < 0.95 and popular.num_users == full.num_users
    few = evaluate_catalogue(Planted(), spec, test, train, seen=seen, max_users=3)
    assert (few.num_users, few.drawn_from) == (3, full.num_users) and "drawn at random" in str(few)


def test_users_without_a_training_row_are_ranked_for_and_counted():
    table = ratings()
    train, test, seen = parts(table)
    new = test.user_codes[test.labels >= 4][0]
    train, seen = (part.take(part.user_codes != new) for part in (train, seen))
    spec = FeatureSpec.fit(train, features=FEATURES)
    model = BiasedMF(spec.model_features(), embedding_dim=4, task="rating", seed=0)
    report = evaluate_catalogue(model, spec, test, train, relevant=4, seen=seen)
    assert report.unknown_users == 1 and f"1 of {report.num_users} users are unknown to the model" in str(report)


@pytest.mark.parametrize(
    ("levels", "task", "least"),
    [
        ([1, 2, 3, 4, 5], "rating", 4),
        (np.arange(1, 11) / 2, "rating", 4),
        (range(1, 11), "rating", 8),
        ([0, 1], "click", 1),
        ([0, 1], None, 1),
        ([3, 3.25, 9], "rating", 9),
    ],
)
def test_the_lowest_label_of_a_relevant_item(levels, task, least):
    frame = pd.DataFrame({"y": np.asarray([*levels], float)})
    assert relevance(Examples.from_pandas(frame, label="y"), task) == least


def test_what_cannot_be_ranked_is_one_clear_error():
    train, test, seen = parts(ratings())
    spec = FeatureSpec.fit(train, features=FEATURES)
    model = BiasedMF(spec.model_features(), embedding_dim=4, task="rating", seed=0)
    for given, said in (
        ({"relevant": 6}, "No held-back row has a label of at least 6.*highest is 5"),
        ({"relevant": float("nan")}, "relevant must be a finite number"),
        ({"max_users": 0}, "max_users must be"),
        ({"ks": (0,)}, "ks must be positive"),
        ({"seen": ratings(users=5)}, "parts of one table"),
    ):
        with pytest.raises(InputError, match=said):
            evaluate_catalogue(model, spec, test, train, **{"seen": seen, "relevant": 4, **given})
    ads = Examples.from_pandas(pd.DataFrame({"y": [1.0, 0.0], "ad": ["a", "b"]}), label="y")
    with pytest.raises(InputError, match="needs rows with users and items"):
        evaluate_catalogue(model, spec, ads, ads, relevant=1)


RECIPE = 'task = "rating"\n[split]\nrule = "random"\nvalid = 0.1\ntest = 0.3\n[model]\nclass = "BiasedMF"\n'


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A preset with the recipe of its split, its table, and the csv file of the table."""
    folder = tmp_path_factory.mktemp("rating")
    rows = ratings()
    frame = pd.DataFrame({"user": rows.user_ids[rows.user_codes], "item": rows.item_ids[rows.item_codes]})
    frame["rating"], frame["timestamp"] = rows.labels, rows.times.astype(int)
    frame.to_csv(folder / "ratings.csv", index=False)
    table = read(folder / "ratings.csv")
    recipe = RankingRecipe.from_toml(RECIPE)
    split = recipe.build_examples(table).split(recipe.build_split())
    spec = FeatureSpec.fit(split.train)
    model = drawn(BiasedMF(spec.model_features(), embedding_dim=4, task="rating", rating_range=(1, 5), seed=0))
    presets.save(model, spec, folder / "mf", extra_files={"recipe.toml": RECIPE})
    return folder / "mf", table, folder / "ratings.csv"


def test_evaluate_measures_a_rating_preset_as_a_ranker(saved, tmp_path, capsys):
    folder, table, file = saved
    preset = presets.load(folder)
    parts = ranking_parts(preset, table)
    assert len(parts.seen) + len(parts.test) == len(table) and len(parts.train) < len(parts.seen)
    wanted, users = by_hand(preset.model, preset.spec, parts.test, parts.train, parts.seen, 4, 3)
    command = ["evaluate", str(folder), "--data", str(file), "--k", "3", "--out", str(tmp_path / "report.json")]
    assert main(command) == 0
    printed, report = capsys.readouterr().out, json.loads((tmp_path / "report.json").read_text())
    found = report["catalogue"]
    assert [found["metrics"][f"{one}@3"] for one in ("recall", "ndcg", "mrr")] == pytest.approx(wanted, abs=1e-6)
    assert found["relevant"] == 4 and found["num_users"] == users and report["metrics"].keys() == {"rmse", "mae"}
    assert "As a ranking of the whole catalogue:" in printed and "popularity" in printed and "biasedmf" in printed
    assert main([*command[:4], "--relevant", "5", "--max-users", "2"]) == 0
    printed = capsys.readouterr().out
    assert "label of at least 5" in printed and "2 of " in printed and "who have no test row with such" in printed
    assert main([*command[:4], "--relevant", "9"]) == 2
    assert "No held-back row has a label of at least 9" in capsys.readouterr().err
    assert main([*command[:4], "--all-rows"]) == 0
    assert "whole catalogue" not in capsys.readouterr().out  # nothing is held back
    assert main([*command[:4], "--all-rows", "--relevant", "4"]) == 2


def test_the_list_of_a_user_with_precision_and_recall(saved, capsys):
    folder, table, file = saved
    preset = presets.load(folder)
    parts, user = ranking_parts(preset, table), "3"
    code = int(np.flatnonzero(parts.test.user_ids == user)[0])
    own, had = (part.user_codes == code for part in (parts.test, parts.seen))
    unseen = sorted(set(preset.spec.items.tokens) - set(parts.seen.item_ids[parts.seen.item_codes[had]]))
    scores = preset.rank([unseen], features={"user": [user]})[0]
    best = [unseen[at] for at in np.argsort(-scores, kind="stable")[:3]]
    liked = set(parts.test.item_ids[parts.test.item_codes[own & (parts.test.labels >= 3)]])
    found = list_for_user(preset, table, user, k=3, relevant=3)
    assert sorted(found.items) == sorted(best) and set(found.liked) == liked and len(found.history) == had.sum()
    hits = len(liked & set(best))
    assert liked and (found.precision, found.recall) == (hits / 3, hits / len(liked))
    command = ["recommend", str(folder), "--data", str(file), "--user", user]
    assert main([*command, "--k", "3", "--relevant", "3"]) == 0
    printed = capsys.readouterr().out
    assert f"precision@3 {hits / 3:.4f}, recall@3 {hits / len(liked):.4f}" in printed
    assert f"Held back: {own.sum()} items of the user in the test part, {len(liked)} of them" in printed
    assert printed.count("<- held back, label") == sum(item in found.held_back for item in found.items)
    assert main([*command, "--relevant", "9"]) == 0
    assert "precision and recall are undefined" in capsys.readouterr().out
    for more, said in (
        (["--history", "i1"], "--history cannot be combined with --data"),
        (["--k", "0"], "at least 1"),
    ):
        assert main([*command, *more]) == 2 and said in capsys.readouterr().err
    for wrong, said in (
        ([*command[:-1], "nobody"], "The data has no user 'nobody': its 8 user ids look like"),
        (command[:-2], "--data needs --user ID"),
        (
            ["train", "--data", str(file), "--out", str(folder.with_name("new")), "--list-for", "nobody"],
            "no user 'nobody'",
        ),
        (["recommend", str(folder), "--relevant", "3", "--history", "i1"], "--relevant needs --data"),
    ):
        assert main(wrong) == 2 and said in capsys.readouterr().err
