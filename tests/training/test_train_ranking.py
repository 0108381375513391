"""Ranking models from a table to a preset, on generated clicks whose cause is known."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from tfrec.cli import main
from tfrec.data import Categorical, Examples, FeatureSpec, Interactions, MultiValued, Numeric, labelled
from tfrec.errors import InputError
from tfrec.evaluation import Biases, MeanLabel, evaluate_labelled, predictions
from tfrec.inference.candidate_scores import request_features
from tfrec.presets import load
from tfrec.training import RankingRecipe, Recipe, load_recipe, train_ranking
from tfrec.training.recipe_features import describe_features, read_features

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

TOML = """
task = "click"
epochs = 12
monitor = "log_loss"
batch_size = 256
[split]
rule = "random"
[optimizer]
class = "Adam"
learning_rate = 1e-2
[model]
class = "DeepFM"
"""


def clicks(rows=4000, seed=0):
    """A click is likely where site and ad are of one kind."""
    rng = np.random.default_rng(seed)
    site, ad = rng.integers(0, 10, rows), rng.integers(0, 10, rows)
    label = (rng.random(rows) < np.where(site % 2 == ad % 2, 0.9, 0.1)).astype(int)
    noise = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows))
    return pd.DataFrame({"label": label, "site": [f"s{n}" for n in site], "ad": [f"a{n}" for n in ad], "noise": noise})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The result of `tfrec train` for a csv file and a recipe."""
    folder = tmp_path_factory.mktemp("clicks")
    clicks().to_csv(folder / "clicks.csv", index=False)
    (folder / "recipe.toml").write_text(TOML, encoding="utf-8")
    arguments = ["--data", str(folder / "clicks.csv"), "--recipe", str(folder / "recipe.toml"), "--out"]
    assert main(["train", *arguments, str(folder / "run"), "--label", "label"]) == 0
    return folder


def test_training_finds_the_planted_pattern_and_saves_a_preset(written):
    metrics = json.loads((written / "run" / "metrics.json").read_text(encoding="utf-8"))
    found = {name: report["metrics"] for name, report in metrics["test"].items()}
    assert found.keys() == {"mean", "deepfm"}  # no users, no items, no biases
    assert found["deepfm"]["auc"] > 0.85 and found["mean"]["auc"] == 0.5
    assert found["deepfm"]["log_loss"] < 0.4 and found["deepfm"]["calibration_error"] < 0.1
    epochs = metrics["training"]["history"]["val_log_loss"]  # the metric of this recipe
    assert metrics["training"]["best_epoch"] == epochs.index(min(epochs)) + 1
    assert {path.name for path in (written / "run").iterdir()} >= {"learning_curve.png", "predictions.png"}


def test_an_empty_recipe_can_train():
    recipe = RankingRecipe()
    train = recipe.build_examples(Examples.from_pandas(clicks(200), label="label"))
    model = recipe.build_model(recipe.build_spec(train), train)
    assert type(model).__name__ == "AutoInt" and recipe.model == {"class": "AutoInt"}


def test_read_and_unread_columns_are_printed(tmp_path, capsys):
    frame = clicks(200).assign(one="x", nothing=None)
    frame.to_csv(tmp_path / "clicks.csv", index=False)
    arguments = ["--data", str(tmp_path / "clicks.csv"), "--out", str(tmp_path / "run"), "--epochs", "1"]
    assert main(["train", *arguments, "--label", "label"]) == 0  # and no recipe
    printed = capsys.readouterr().out
    assert "site (categorical), ad (categorical), noise (numeric, missing in " in printed
    assert (
        "not read            one: has one value\nnot read            nothing: has no value" in printed
        and "autoint" in printed
    )


def test_a_column_of_the_rows_can_become_an_item_feature(tmp_path, capsys):
    frame = clicks(400).assign(user=np.arange(400) % 20, when=np.arange(400))
    frame["kind"] = frame["ad"].str[1:].astype(int) % 2
    frame.loc[1, "kind"] = 7  # one row of the training part that disagrees
    frame.to_csv(tmp_path / "clicks.csv", index=False)
    pd.DataFrame({"ad": [f"a{n}" for n in range(10)], "price": range(10)}).to_csv(tmp_path / "ads.csv", index=False)
    pd.DataFrame({"user": range(20), "age": range(20)}).to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "recipe.toml").write_text(
        'epochs = 1\n[model]\nclass = "DIN"\n[history]\nlength = 5\nitem_features = ["kind", "price"]\n[features]\n'
        'kind = {kind = "categorical", group = "item"}\nprice = {kind = "numeric"}\nage = {kind = "numeric"}\n',
        encoding="utf-8",
    )
    arguments = ["--data", str(tmp_path / "clicks.csv"), "--label", "label", "--item", "ad", "--time", "when"]
    arguments += ["--items", str(tmp_path / "ads.csv"), "--users", str(tmp_path / "people.csv")]
    assert main(["train", *arguments, "--recipe", str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "run")]) == 0
    assert (
        "note: 'kind' differs between the training rows of 1 of 10 items, where the newest" in capsys.readouterr().out
    )
    preset = load(tmp_path / "run")
    assert [one.column for one in request_features(preset.model, preset.spec)] == ["age"]
    kinds = dict(zip(preset.spec.items.tokens, preset.spec.item_features["kind"][2:], strict=True))
    assert len({kinds[f"a{n}"] for n in range(0, 10, 2)}) == 1 and kinds["a0"] != kinds["a1"]
    assert main(["evaluate", str(tmp_path / "run"), *arguments[:-4]]) == 0  # what the items are is in the preset
    assert "lacks age" in capsys.readouterr().out
    assert main(["train", *arguments, "--min-user-count", "2", "--recipe", str(tmp_path / "recipe.toml"), "--out", "x"])
    assert "--min-user-count applies to tables of ratings" in capsys.readouterr().err


@pytest.mark.parametrize("rule", ["by-time", "random"])
def test_features_of_items_and_users_are_not_read_from_held_back_rows(rule):
    groups = {"kind": {"kind": "categorical", "group": "item"}, "mood": {"kind": "categorical", "group": "user"}}
    recipe = RankingRecipe(split={"rule": rule}, features=groups)
    frame = clicks(400).assign(user=np.arange(400) % 20, when=np.arange(400), ad=np.arange(400) % 10)
    held_back = np.logical_or(*recipe.build_split().masks(frame["when"].to_numpy(float), 400))
    frame.loc[np.flatnonzero(held_back)[-1], "ad"] = 99  # an ad without training rows
    for name, of in (("kind", "ad"), ("mood", "user")):
        frame[name] = np.where(held_back, "told", [f"{one % 2}" for one in frame[of]])
    table = Examples.from_pandas(frame, label="label", user="user", item="ad", time="when")
    examples = recipe.build_examples(table)
    split = examples.split(recipe.build_split())
    spec = recipe.build_spec(split.train)
    for part in (split.valid, split.test):
        inputs, _ = next(iter(labelled(part, spec)))
        ads, kinds = part.item_ids[part.item_codes], inputs["kind"].numpy()
        assert all(kinds[ads == ad].tolist() == [kinds[ads == ad][0]] * (ads == ad).sum() for ad in ads)
        assert set(kinds[ads == "99"]) <= {0} and set(kinds[ads != "99"]) == {2, 3}  # 0 is missing
        assert set(inputs["mood"].numpy()) == {2, 3}
    assert not len(spec.cold) and set(spec.item_features["kind"][2:]) == {2, 3}  # so an export knows no more
    asked = recipe.build_examples(table, all_known=True)  # with the items of the preset
    inputs, _ = next(iter(labelled(asked, spec)))
    assert set(inputs["kind"].numpy()) == {0, 2, 3} and 1 in inputs["mood"].numpy()  # "told" is in no training row


def test_a_recipe_may_skip_a_column_that_is_not_read_anyway():
    table = Examples.from_pandas(clicks(100).assign(one=1), label="label")
    found = read_features({"one": {"kind": "skip"}, "ad": {"kind": "skip"}}, table)
    assert [feature.column for feature in found] == ["site", "noise"]
    described = describe_features(FeatureSpec.fit(table, features=found), table)
    assert "not read            ad: not named, or skipped" in described


def test_unreadable_cells_are_counted_as_missing():
    frame = pd.DataFrame(
        {"label": [0, 1, 1, 0, 1], "age": [1, "old", np.inf, None, 5], "tags": ["a|b", "", "a", "b", "c"]}
    )
    frame["ad"] = ["x", "x", "y", "y", "y"]
    ads = pd.DataFrame({"ad": ["x", "y"], "made": [np.nan, "at"], "price": [1, 2]})
    table = Examples.from_pandas(frame, label="label", item="ad", items=ads)
    features = [Numeric("age"), MultiValued("tags"), Categorical("made"), Numeric("price")]
    described = describe_features(FeatureSpec.fit(table, features=features), table)
    assert "age (numeric, missing in 3 of 5 rows), tags (multivalued, missing in 1 of 5 rows)" in described
    assert "made (categorical, missing in 1 of 2 items), price (numeric)," in described


def test_the_preset_gives_the_predictions_of_the_trained_model(written, capsys):
    arguments = ["--data", str(written / "clicks.csv"), "--label", "label", "--out", str(written / "report.json")]
    assert main(["evaluate", str(written / "run"), *arguments]) == 0
    report = json.loads((written / "report.json").read_text(encoding="utf-8"))
    trained = json.loads((written / "run" / "metrics.json").read_text(encoding="utf-8"))["test"]["deepfm"]
    assert report["metrics"] == pytest.approx(trained["metrics"], abs=1e-5)
    assert report["data_sha256"] == trained["data_sha256"]


@pytest.mark.parametrize("command", ["recommend", "export"])
def test_functions_of_retrieval_presets_raise_an_error_for_ranking_presets(written, capsys, command, tmp_path):
    more = [str(tmp_path)] if command == "export" else ["--history", "a1"]
    assert main([command, str(written / "run"), *more]) == 2
    # This model reads no item, so it cannot rank a catalogue either.
    expected = "has no items, so there is nothing to recommend" if command == "recommend" else "has the class DeepFM"
    assert expected in capsys.readouterr().err


def ratings():
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 40, 3000), rng.integers(0, 30, 3000)
    tastes, kinds = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    stars = np.clip(np.round(3 + (tastes[users] * kinds[items]).sum(1)), 1, 5)
    frame = pd.DataFrame({"u": users, "i": items, "r": stars, "t": np.arange(3000)})
    return Interactions.from_pandas(frame, user="u", item="i", weight="r", time="t")


def test_ratings_are_predicted_better_than_by_biases_and_stay_in_their_range():
    recipe = RankingRecipe.from_toml(
        'task = "rating"\nepochs = 15\nbatch_size = 128\n[model]\nclass = "DeepFM"\nembedding_dim = 8\n'
        '[optimizer]\nclass = "Adam"\nlearning_rate = 5e-3\n'
    )
    done = train_ranking(ratings(), recipe, verbose=0)
    train, test = done.split.train, done.split.test
    found = predictions(done.model, done.spec, test, train)
    assert found.min() >= 1 and found.max() <= 5
    own, biases = (
        evaluate_labelled(model, done.spec, test, train, "rating").metrics["rmse"]
        for model in (done.model, Biases(train))
    )
    assert own < 0.9 * biases


def test_known_past_adds_held_back_rows_to_histories_but_no_later_ones():
    history = {"length": 5, "known": "past", "with_label": True}
    recipe = RankingRecipe(task="rating", split={"rule": "by-time"}, history=history)
    examples = recipe.build_examples(ratings())
    split = examples.split(recipe.build_split())
    spec, known = recipe.build_spec(split.train), recipe.known_rows(examples, split.train)
    batch, _ = next(iter(labelled(split.test, spec, known, batch_size=len(split.test))))
    told = batch["history_label"].numpy()
    for row in range(0, len(split.test), 50):
        user = split.test.user_ids[split.test.user_codes[row]]
        own = (examples.user_ids[examples.user_codes] == user) & (examples.times < split.test.times[row])
        assert told[row].tolist() == spec.label_ids(examples.labels[own])[-5:].tolist()


def test_biases_are_damped_means():
    frame = pd.DataFrame({"y": [1.0, 3.0, 5.0], "u": ["a", "a", "b"]})
    train = Examples.from_pandas(frame, label="y", user="u")
    np.testing.assert_allclose(Biases(train, damping=2.0).predict(train), [2.5, 2.5, 3 + 2 / 3])
    np.testing.assert_allclose(MeanLabel(train).predict(train), 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('task = "clicks"\n[model]\nclass = "DIN"', "task must be one of click, rating"),
        ('task = "click"\n[model]\nclass = "SASRec"', "needs a ranking model, but its model.class is 'SASRec'"),
        ('task = "rating"\npositive = 4\n[model]\nclass = "DIN"', "positive converts ratings to clicks"),
        ('[model]\nclass = "Din"', "SHAN.* or a ranking model \\(AFM.*, got 'Din'"),
        ('[model]\nclass = "DIN"\n[features]\nage = {kind = "number"}', "features.age must be a table with kind"),
        ('task = "rating"\nmonitor = "auc"\n[model]\nclass = "DIN"', "monitor must be one of rmse"),
        ('unseen_rate = 1.0\n[model]\nclass = "DIN"', "unseen_rate must be at least 0"),
        ('max_length = 3\n[model]\nclass = "DIN"', "unknown entry 'max_length'"),
    ],
)
def test_invalid_recipes_raise_an_error(text, says, tmp_path):
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        load_recipe(tmp_path / "recipe.toml")


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({}, "Click labels must be 0 or 1, but these range from 1 to 5"),
        ({"positive": 9}, "All labels equal 0"),
        ({"positive": 4, "split": {"rule": "leave-last-out"}}, "split.rule must be one of random, by-time"),
        ({"positive": 4, "history": {"size": 3}}, "history has an unknown entry 'size'"),
        ({"positive": 4, "history": {"known": "all"}}, "history.known must be training or past"),
        ({"positive": 4, "history": {"known": "past", "take": "all"}}, "needs rows with times"),
        ({"positive": 4, "features": {"age": {"kind": "skip"}}}, "skips 'age', but the features are"),
        ({"positive": 4, "features": {"age": {"kind": "numeric"}}}, "'age' is in no table"),
        ({"positive": 4, "model": {"class": "DeepFM", "width": 3}}, "unknown entry 'width'"),
    ],
)
def test_recipes_that_do_not_fit_the_table_raise_an_error(entries, says):
    with pytest.raises(InputError, match=says):
        train_ranking(ratings(), RankingRecipe(epochs=1, **{"model": {"class": "DeepFM"}, **entries}), verbose=0)


@keras.saving.register_keras_serializable(package="tests")
class DoubledError(keras.losses.Loss):
    def call(self, labels, outputs):
        return 2 * keras.ops.abs(labels - outputs)


@pytest.mark.parametrize(
    ("loss", "task", "value"),
    [
        ({}, "click", 2.1269),  # softplus of the logit
        ({}, "rating", 4.0),
        ({"class": "BinaryFocalCrossentropy", "gamma": 1.0}, "click", 2.1269 * 0.8808),
        ({"class": "Huber", "delta": 0.5}, "rating", 0.5 * 2 - 0.125),
        ({"class": "tests>DoubledError"}, "rating", 4.0),
    ],
)
def test_a_recipe_names_its_loss(loss, task, value):
    recipe = RankingRecipe.from_toml(RankingRecipe(task=task, loss=loss).to_toml())
    assert float(recipe.build_loss()(np.zeros((1, 1)), np.full((1, 1), 2.0))) == pytest.approx(value, abs=2e-3)
    assert ("loss" in recipe.to_json()) == bool(loss)  # recipes without one stay as they were recorded


@pytest.mark.parametrize(
    ("loss", "task", "says"),
    [
        ({"class": "Hinge"}, "click", "does not fit the task click: Hinge is not a loss"),
        ({"class": "BinaryCrossentropy"}, "rating", "does not fit the task rating"),
        ({"class": "BinaryCrossentropy", "from_logits": False}, "click", "would misread the logits"),
        ({"class": "Huge"}, "rating", "loss.class must be one of"),
        ({"class": "Huber", "width": 1}, "rating", "loss has an unknown entry 'width'"),
    ],
)
def test_a_loss_that_cannot_be_used_is_named(loss, task, says):
    with pytest.raises(InputError, match=says):
        RankingRecipe(task=task, loss=loss).build_loss()


def test_the_model_decides_the_kind_of_recipe(tmp_path):
    (tmp_path / "a.toml").write_text('[model]\nclass = "SASRec"', encoding="utf-8")
    (tmp_path / "b.toml").write_text(TOML, encoding="utf-8")
    assert isinstance(load_recipe(tmp_path / "a.toml"), Recipe)
    recipe = load_recipe(tmp_path / "b.toml")
    assert isinstance(recipe, RankingRecipe) and RankingRecipe.from_toml(recipe.to_toml()) == recipe
