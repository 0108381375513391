"""A user's model works with presets, recipes, the command line and explanations like the zoo's models."""

import json
import sys

import keras
import numpy as np
import own
import pandas as pd
import pytest

from tfrec import evaluation, losses, models, presets, serving
from tfrec.cli import main
from tfrec.data import Examples, FeatureSpec, LeaveLastOut, generate_world, labelled, sequences
from tfrec.errors import InputError
from tfrec.training import RankingRecipe, Recipe, load_recipe, train, train_ranking

pytestmark = pytest.mark.slow

RECIPE = """
epochs = 1
batch_size = 64
max_length = 8
[model]
class = "acme>{name}"
{width} = 4
"""


@pytest.fixture(scope="module")
def world():
    return generate_world(num_users=60, num_items=120, seed=1)


@pytest.fixture(scope="module")
def split(world):
    return world.split(LeaveLastOut())


@pytest.fixture(scope="module")
def spec(split):
    return FeatureSpec.fit(split.train, max_length=8)


@pytest.mark.parametrize("make", [lambda n: own.MeanOfItems(n, 8, dropout=0.5), lambda n: own.NewestItem(n, 4)])
def test_a_custom_retrieval_model_works_from_fit_to_preset(make, spec, split, tmp_path):
    # Other functional models change nothing, even if they are built from the base class itself.
    models.SASRec(5, 4, 4, num_blocks=1)
    history = keras.Input((None,), name="history")
    assert isinstance(models.RetrievalModel(inputs={"history": history}, outputs=history), models.RetrievalModel)
    model = make(spec.num_items)
    model.compile("adam", losses.FullSoftmax(), jit_compile=False)
    model.fit(sequences(split.train, spec), verbose=0)
    model.save_to_preset(tmp_path / "mine", spec)
    again = presets.load(tmp_path / "mine")
    assert type(again.model) is type(model) and again.model.get_config() == model.get_config()
    history = [spec.items.decode([3, 4])]
    ours, theirs = (serving.recommend(one, spec, history) for one in (model, again.model))
    assert ours[0] == theirs[0]
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)
    assert evaluation.evaluate(again.model, again.spec, split.test).num_users == 60
    assert type(model).from_preset(tmp_path / "mine").bound_vocabulary == model.bound_vocabulary
    with pytest.raises(InputError, match="has no attention"):
        serving.explain_history(model, spec, history[0])
    with pytest.raises(InputError, match="cannot add items to"):
        presets.with_items(again, {"new": [history[0][0]]})


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.integers(0, most, 90) for name, most in {"u": 9, "i": 9, "y": 2}.items()})
    return Examples.from_pandas(frame, label="y", user="u", item="i")


def test_a_custom_ranking_model_works_from_fit_to_preset(rows, tmp_path):
    spec = FeatureSpec.fit(rows)
    model = own.SumOfVectors(spec.model_features(), attention_supervision=0.0, name="mine")
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    model.fit(labelled(rows, spec), verbose=0)
    presets.save(model, spec, tmp_path / "mine")
    again = presets.load(tmp_path / "mine", models.RankingModel)
    assert again.model.get_config() == model.get_config() and again.model.name == "mine"
    np.testing.assert_allclose(*(serving.rank(one, spec, [["1", "2"]]) for one in (model, again.model)), rtol=1e-5)
    assert evaluation.evaluate_labelled(again.model, spec, rows).num_rows == 90
    with pytest.raises(InputError, match="has no attention"):
        serving.explain(model, spec, "1")


def test_recipes_can_name_a_custom_model(world, rows, tmp_path):
    for name, width in (("MeanOfItems", "hidden_dim"), ("NewestItem", "width")):
        recipe = Recipe.from_toml(RECIPE.format(name=name, width=width))
        model = recipe.build_model(FeatureSpec.fit(world, max_length=8))
        assert type(model).__name__ == name and getattr(model, width) == 4
    done = train(world, Recipe.from_toml(RECIPE.format(name="MeanOfItems", width="hidden_dim")), verbose=0)
    assert done.best_epoch == 1 and done.model.bound_vocabulary
    ranking = RankingRecipe.from_toml('epochs = 1\n[model]\nclass = "acme>SumOfVectors"\nwidth = 3\n')
    assert train_ranking(rows, ranking, verbose=0).model.width == 3


def test_the_class_of_a_custom_model_decides_the_kind_of_recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    for name, kind in (("MeanOfItems", Recipe), ("SumOfVectors", RankingRecipe)):
        path.write_text(f'epochs = 1\n[model]\nclass = "acme>{name}"\n')
        assert type(load_recipe(path)) is kind
    path.write_text('[model]\nclass = "acme>Nobody"\n')
    with pytest.raises(InputError, match=r"not registered with Keras.*--import MODULE"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (RECIPE.format(name="Nobody", width="width"), "not registered with Keras.* --import MODULE"),
        (RECIPE.format(name="SumOfVectors", width="width"), "no RetrievalModel"),
        (RECIPE.format(name="NewestItem", width="height"), "unknown entry 'height'.* takes: num_items, width"),
    ],
)
def test_recipes_with_an_unknown_class_raise_an_error(spec, recipe, message):
    with pytest.raises(InputError, match=message):
        Recipe.from_toml(recipe).build_model(spec)


def test_saving_an_unregistered_class_raises_an_error(spec, tmp_path):
    class Mine(models.SASRec):
        pass

    with pytest.raises(InputError, match=r'@keras\.saving\.register_keras_serializable\("my_package"\)'):
        presets.save(Mine(spec.num_items, 8, 4, num_blocks=1), spec, tmp_path / "mine")


def test_saving_a_model_with_an_incomplete_config_raises_an_error(spec, tmp_path):
    @keras.saving.register_keras_serializable("acme")
    class Forgets(own.NewestItem):
        def get_config(self):
            return {**super().get_config(), "width": 2}

    with pytest.raises(InputError, match="Forgets cannot be rebuilt from its config"):
        presets.save(Forgets(spec.num_items, 4), spec, tmp_path / "mine")
    assert not list(tmp_path.iterdir())


def test_loading_without_importing_the_models_module_raises_an_error(spec, tmp_path, monkeypatch, capsys):
    presets.save(own.NewestItem(spec.num_items), spec, tmp_path / "mine")
    registered = keras.saving.get_custom_objects()
    monkeypatch.delitem(registered, "acme>NewestItem")
    with pytest.raises(InputError, match=r"'acme>NewestItem'.*Import the module.*it was saved from own.*--import own"):
        presets.load(tmp_path / "mine")
    assert "--history ID ID ... --import own\n" in (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    # The preset names the module, and only the option imports it.
    asked = ["recommend", str(tmp_path / "mine"), "--history", spec.items.tokens[0]]
    assert main(asked) == 2 and "--import own" in capsys.readouterr().err
    (tmp_path / "my_models.py").write_text(
        "import keras, own\nkeras.saving.get_custom_objects()['acme>NewestItem'] = own.NewestItem\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main([*asked, "--import", "my_models"]) == 0 and "1." in capsys.readouterr().out
    for wrong, message in (("nowhere_at_all", "ModuleNotFoundError"), ("my_models.py", "needs a module name")):
        assert main([*asked, "--import", wrong]) == 2
        assert message in capsys.readouterr().err


def test_a_preset_cannot_import_modules(spec, tmp_path):
    folder = presets.save(own.NewestItem(spec.num_items), spec, tmp_path / "mine")
    config = json.loads((folder / "config.json").read_text())
    for change in (
        {"registered_name": "acme>Other", "module": "antigravity"},
        {"registered_name": "acme>Other", "module": "no module; really"},
        {"registered_name": "tfrec>FeedForward"},
        {"registered_name": "tfrec>Nothing", "module": "this"},
    ):
        (folder / "config.json").write_text(json.dumps({**config, **change}))
        presets.manifest.write(folder)
        with pytest.raises(InputError, match=r"not a tfrec model|Import the module"):
            presets.load(folder)
    assert not {"antigravity", "this"} & set(sys.modules)
