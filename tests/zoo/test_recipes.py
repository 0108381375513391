"""Every recipe of the zoo, trained or not yet: it can be read and built, and its header has the metrics."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tfrec.data import FeatureSpec, generate_world
from tfrec.training import RankingRecipe, load_recipe

ROOT = Path(__file__).parents[2] / "models"
FILES = sorted(ROOT.rglob("recipe.toml"))

NAMES = {
    "Recall@10": "recall@10",
    "NDCG@10": "ndcg@10",
    "AUC": "auc",
    "log-loss": "log_loss",
    "RMSE": "rmse",
    "MAE": "mae",
}
BANDS = {"retrieval": {"recall@10", "ndcg@10"}, "click": {"auc", "log_loss"}, "rating": {"rmse", "mae"}}

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def spec():
    return FeatureSpec.fit(generate_world(num_users=60, num_items=120, seed=0), users=True)


def test_no_two_presets_have_one_name():
    names = [path.parent.name for path in FILES]
    assert len(names) == len(set(names)) and names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
class TestRecipe:
    def test_builds_all_that_it_names(self, path, spec):
        recipe = load_recipe(path)
        recipe.build_split()
        if isinstance(recipe, RankingRecipe):
            recipe.build_optimizer(total_steps=100)  # its features, and so its model, depend on its data
            return
        recipe.build_loss(spec)
        recipe.build_optimizer(total_steps=100)
        columns = {
            name: spec.item_table["genres"] for name in recipe.item_attributes
        }  # the table of items has the columns that it names
        spec = dataclasses.replace(spec, max_length=recipe.max_length, item_table=spec.item_table.assign(**columns))
        model = recipe.build_model(spec)
        assert model.num_items == spec.num_items
        if "history" in model.input_names:
            assert model.max_length == recipe.max_length
        else:
            assert model.num_users == spec.num_users
        assert np.asarray(model.item_table()).shape[0] == spec.num_items + 2

    def test_the_folder_has_the_name_of_model_and_dataset(self, path):
        # models/<family>/<model>/<preset>/, the preset named <model>_<dataset>[_<size>].
        assert len(path.relative_to(ROOT).parts) == 4
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){1,2}", path.parent.name)

    def test_the_header_names_command_machine_time_and_result(self, path):
        text = path.read_text(encoding="utf-8")
        for words in ("tfrec train", "Machine:", "Time:", "Expect"):
            assert words in text
        assert not re.search(r"\b(TIME|BAND|TODO)\b|to be measured|unknown|not run", text), "it has been run to its end"
        assert path.relative_to(ROOT.parent).as_posix() in text, "the command names this very file"
        assert re.search(r"validation (items|rows); nothing was tuned on the test", text)

    def test_metrics_are_within_the_ranges_of_the_header(self, path):
        metrics = json.loads((path.parent / "metrics.json").read_text(encoding="utf-8"))
        recipe = metrics["training"]["recipe"]
        reached = metrics["test"][recipe["model"]["class"].lower()]["metrics"]
        (line,) = re.findall(r"^# Expect on the test (?:items|rows): (.+)\.$", path.read_text("utf-8"), re.MULTILINE)
        bands = [re.fullmatch(r"(\S+) (0\.\d+) to (0\.\d+)", part).groups() for part in line.split(", ")]
        assert {NAMES[name] for name, _, _ in bands} == BANDS[recipe.get("task", "retrieval")]
        for name, least, most in bands:
            assert float(least) <= reached[NAMES[name]] <= float(most), name
