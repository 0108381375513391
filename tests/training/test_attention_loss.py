"""The table [attention_loss] of a recipe, from a table of interactions to a preset."""

import dataclasses
import json

import numpy as np
import pytest

from tfrec import presets
from tfrec.cli import main
from tfrec.data import FeatureSpec, History, Interactions, generate_world, labelled, sequences
from tfrec.errors import InputError
from tfrec.models import AttentionMatcher, SASRec
from tfrec.training import RankingRecipe, Recipe, train, train_ranking

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

SMALL = {"class": "SASRec", "hidden_dim": 8, "num_blocks": 1, "dropout": 0.0}


@pytest.fixture(scope="module")
def frame():
    """Interactions with a column "seconds" that is high for every third item, a rating, and times."""
    frame = generate_world(num_users=60, num_items=120, seed=1).to_pandas()
    rng = np.random.default_rng(0)
    frame["seconds"] = np.where(frame["item"].str[1:].astype(int) % 3, 1, 20)
    return frame.assign(rating=rng.integers(1, 6, len(frame)))


@pytest.fixture(scope="module")
def table(frame):
    return Interactions.from_pandas(frame, "user", "item", "time", weight="rating", context=["seconds"])


def recipe_of(joint, **entries):
    settings = {"epochs": 3, "max_length": 10, "batch_size": 16, "model": SMALL}
    return Recipe(**{**settings, "attention_loss": joint, **entries})


def test_a_teacher_named_in_the_recipe_is_followed(table, tmp_path):
    fast = {"class": "Adam", "learning_rate": 0.02}
    recipe = recipe_of({"weight": 20.0, "teacher": str(tmp_path / "teacher")}, epochs=6, optimizer=fast)
    spec = recipe.build_spec(table.split(recipe.build_split()).train)
    model = SASRec(spec.num_items, max_length=10, hidden_dim=16, num_blocks=2, num_heads=2)
    presets.save(model, spec, tmp_path / "teacher")  # with more layers and heads; it need not be trained
    done = train(table, recipe, verbose=0)
    learned = done.history["attention_kl"]
    assert learned[-1] < 0.8 * learned[0] and done.history["val_attention_kl"][-1] > 0
    idle = dataclasses.replace(recipe, attention_loss={**recipe.attention_loss, "weight": 0})
    model = idle.build_model(spec)
    assert idle.joint_loss.supervise(model, spec) == ("history",) and model._supervision is None


def test_a_column_named_on_the_command_line_draws_the_attention(frame, tmp_path, capsys):
    frame.to_csv(tmp_path / "log.csv", index=False)
    recipe = recipe_of({}, epochs=12, optimizer={"class": "Adam", "learning_rate": 0.01})
    text = recipe.to_toml() + '\n[attention_loss]\nweight = 10.0\ncolumn = "seconds"\n'
    (tmp_path / "recipe.toml").write_text(text)
    arguments = ["train", "--data", str(tmp_path / "log.csv"), "--recipe", str(tmp_path / "recipe.toml")]
    arguments += ["--baseline", "popularity"]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 0
    preset = presets.load(tmp_path / "run")
    history = np.random.default_rng(0).integers(2, preset.spec.num_items + 2, (64, 6))
    numbers = [[int(token[1:]) for token in preset.spec.items.decode(row)] for row in history]
    weights = np.asarray(preset.model.attention_weights({"history": history})["block_0"])[:, 0, -1]
    is_long = np.array(numbers) % 3 == 0
    assert weights[is_long].mean() > 2 * weights[~is_long].mean()
    trace = json.loads((tmp_path / "run" / "metrics.json").read_text())["training"]
    assert trace["history"]["attention_kl"][-1] < trace["history"]["attention_kl"][0]
    assert trace["recipe"]["attention_loss"] == {"weight": 10.0, "column": "seconds"}
    (tmp_path / "recipe.toml").write_text(text.replace("seconds", "minutes"))
    capsys.readouterr()
    assert main([*arguments, "--out", str(tmp_path / "none")]) == 2
    assert "minutes" in capsys.readouterr().err


RANKING = {
    "task": "rating",
    "epochs": 2,
    "history": {"length": 6, "with_label": True},
    "model": {"class": "AttentionMatcher", "embedding_dim": 4, "user_layers": 0, "dropout": 0.0},
}


def test_ranking_models_learn_from_a_column_which_is_no_feature(table):
    joint = {"weight": 2.0, "column": "seconds", "attentions": ["cross"]}
    done = train_ranking(table, RankingRecipe(**RANKING, attention_loss=joint), verbose=0)
    assert "seconds" not in done.model.input_names
    assert done.history["attention_kl"][-1] < done.history["attention_kl"][0]


def test_ranking_models_learn_from_a_teacher_with_the_same_features(table, tmp_path):
    joint = {"weight": 2.0, "teacher": str(tmp_path / "teacher")}
    recipe = RankingRecipe(**RANKING, features={"seconds": {"kind": "skip"}}, attention_loss=joint)
    train_part = recipe.build_examples(table).split(recipe.build_split()).train
    spec = recipe.build_spec(train_part)
    more = dataclasses.replace(recipe, model={**recipe.model, "embedding_dim": 8})
    presets.save(more.build_model(spec, train_part), spec, tmp_path / "teacher")
    model = recipe.build_model(spec, train_part)
    assert set(recipe.joint_loss.supervise(model, spec)) == set(model.input_names)
    assert [own for own, _ in model._supervision.pairs] == list(model.attention_axes)
    other = FeatureSpec.fit(train_part, features=[], history=History(length=6))
    with pytest.raises(InputError, match=r"reads '.*', which this recipe has no feature for"):
        recipe.joint_loss.supervise(AttentionMatcher(other.model_features()), other)
    with pytest.raises(InputError, match="is a ranking model, but the recipe trains a retrieval model"):
        recipe.joint_loss.supervise(SASRec(spec.num_items), spec)


def test_batches_hold_the_column_where_the_items_are(table):
    split = table.split(Recipe().build_split())
    spec = Recipe(max_length=10).build_spec(split.train)
    for part in (split.train, split.valid):
        inputs, *_ = next(iter(sequences(part, spec, batch_size=8, attention="seconds", group_by_length=True)))
        history, found = inputs["history"].numpy(), inputs["given_attention"].numpy()
        tokens = np.array([["", "", *spec.items.tokens][one] for one in history.ravel()])
        expected = [0 if not token else 1 if int(token[1:]) % 3 else 20 for token in tokens]
        np.testing.assert_array_equal(found.ravel(), expected)


def test_rows_hold_the_column_of_their_events(table):
    recipe = RankingRecipe(**RANKING)
    split = recipe.build_examples(table).split(recipe.build_split())
    spec = recipe.build_spec(split.train)
    batches = labelled(split.valid, spec, known=split.train, batch_size=16, attention="rating")
    inputs, _ = next(iter(batches))
    marks = inputs["history_label"].numpy()  # 2 for the lowest rating, 1
    np.testing.assert_array_equal(inputs["given_attention"].numpy(), np.where(marks > 0, marks - 1, 0))


@pytest.mark.parametrize(
    ("joint", "message"),
    [
        ({"teacher": "sasrec_ml1m"}, "has no weight: add one, such as weight = 0.1"),
        ({"weight": 0.1}, "needs either a teacher, .* but names neither"),
        ({"weight": 0.1, "teacher": "a", "column": "b"}, "needs either a teacher, .*, not both"),
        ({"weight": "much", "column": "b"}, "must be a finite number, 0 or above, got 'much'"),
        ({"weight": -1, "column": "b"}, "must be a finite number, 0 or above, got -1"),
        ({"weight": 0.1, "column": 3}, "attention_loss.column must be a name, got 3"),
        ({"weight": 0.1, "teacher": ""}, "attention_loss.teacher must be a name, got ''"),
        ({"weight": 0.1, "columns": "b"}, "unknown entry 'columns'. It takes: weight, teacher, column, attentions"),
        ({"weight": 0.1, "column": "b", "attentions": "block_0"}, "attentions must be a list of names"),
    ],
)
def test_an_invalid_table_is_one_clear_error(joint, message):
    for kind in (Recipe, RankingRecipe):
        with pytest.raises(InputError, match=message):
            kind(attention_loss=joint)


def test_recipes_without_the_table_are_written_as_before():
    assert all("attention_loss" not in kind().to_json() for kind in (Recipe, RankingRecipe))
    recipe = Recipe(attention_loss={"weight": 0.1, "teacher": "sasrec_ml1m"})
    assert Recipe.from_toml(recipe.to_toml()) == recipe


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"attention_loss": {"weight": 0.1, "teacher": "nobody"}}, "There is no preset 'nobody'"),
        ({"attention_loss": {"weight": 0.1, "teacher": "sasrec_mlsmall"}}, "trained with another vocabulary: .*'item'"),
        ({"attention_loss": {"weight": 0.1, "column": "minutes"}}, "'minutes' is not in the data, which has: seconds"),
        ({"attention_loss": {"weight": 0.1, "column": "word"}}, "must hold finite numbers of at least 0, but 1 of"),
        (
            {"attention_loss": {"weight": 0.1, "column": "seconds", "attentions": ["x"]}},
            "attention_loss: attentions must",
        ),
        (
            {"attention_loss": {"weight": 0.1, "column": "seconds"}, "model": {"class": "MatrixFactorization"}},
            "attention_loss: The model matrixfactorization .* has no attention whose weights",
        ),
    ],
)
def test_what_does_not_fit_is_one_clear_error_before_training(frame, table, entries, message):
    if "word" in str(entries):
        cells = ["x", *frame["seconds"].astype(str)[1:]]
        table = Interactions.from_pandas(frame.assign(word=cells), "user", "item", "time", context=["word"])
    with pytest.raises(InputError, match=message):
        train(table, Recipe(**{"epochs": 1, "max_length": 10, "model": SMALL, **entries}), verbose=0)
