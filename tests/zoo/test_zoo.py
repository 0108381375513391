"""Every bundled preset can be loaded and used, and has its metrics."""

import functools
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from tfrec import models, presets, serving
from tfrec.training import load_recipe

ROOT = Path(__file__).parents[2] / "models"
FOLDERS = sorted(path.parent for path in ROOT.rglob("preset.json"))
LIMIT_MB = 5
STATED = {result.preset: result.dtype for result in presets.results()}

pytestmark = pytest.mark.tensorflow


@functools.cache
def load(folder):
    return presets.load(folder.name)


def measured(folder):
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def nothing_known(features):
    """A row with all values missing."""
    kinds = {feature["name"]: feature for feature in features}

    def missing(feature):
        kind = feature["kind"]
        if kind == "sequence":
            of = kinds.get(feature.get("of"))
            return np.zeros((1, 3), "int32") if of is None else np.repeat(missing(of)[:, None], 3, axis=1)
        shape = {"multivalued": (feature.get("length"),), "vector": (feature.get("dim"),)}.get(kind, ())
        is_number = kind in ("numeric", "vector")
        return np.full((1, *shape), np.nan, "float32") if is_number else np.zeros((1, *shape), "int32")

    return {feature["name"]: missing(feature) for feature in features}


def test_the_whole_zoo_is_small():
    """The rule of the repository: weights of less than 5 MB each and 40 MB in all."""
    assert sum(path.stat().st_size for path in ROOT.rglob("model.weights.h5")) < 40e6


@pytest.mark.parametrize("path", sorted(ROOT.rglob("metrics.json")), ids=lambda path: path.parent.name)
def test_the_recipe_is_the_one_that_was_run(path):
    recipe = load_recipe(path.parent / "recipe.toml")
    # Entries that were added to recipes later have their defaults.
    assert type(recipe)(**measured(path.parent)["training"]["recipe"]) == recipe


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
class TestPreset:
    def test_loads_by_name_and_recommends(self, folder):
        preset = load(folder)
        assert preset.folder.resolve() == folder.resolve()
        if isinstance(preset.model, models.RankingModel):
            assert np.isfinite(preset.model.score(nothing_known(preset.spec.model_features()))).all()
            return
        tokens = preset.spec.items.tokens.tolist()
        stamps = [[1_500_000_000, 1_500_000_060, 1_500_086_400]] if "timestamps" in preset.model.input_names else None
        (ids,), scores = serving.recommend(preset.model, preset.spec, [tokens[:3]], 10, stamps)
        assert len(set(ids)) == 10 and not set(ids) & set(tokens[:3])
        assert np.isfinite(scores).all()

    def test_nearly_all_items_have_a_title_if_a_preset_has_titles(self, folder):
        titles = load(folder).spec.titles  # a publisher may leave some empty, or give none at all
        assert titles is None or sum(map(bool, titles)) > 0.99 * len(titles)

    def test_its_model_is_that_of_its_recipe(self, folder):
        assert type(load(folder).model) is getattr(models, load_recipe(folder / "recipe.toml").model["class"])

    def test_its_recipe_has_no_blanks_left(self, folder):
        head = (folder / "recipe.toml").read_text(encoding="utf-8")
        assert not re.search(r"\b(TIME|BAND|TODO|TIMETODO)\b|not run to its end", head)

    def test_metrics_carry_seed_time_machine_and_hash(self, folder):
        metrics = measured(folder)
        training = metrics["training"]
        assert all(training[key] for key in ("seconds", "machine", "data_sha256", "versions"))
        assert "seed" in training
        for part in ("valid", "test"):
            of = {name: report["metrics"] for name, report in metrics[part].items()}
            own = of[load(folder).model.name]
            if "auc" in own:
                assert own["auc"] > of["mean"]["auc"] + 0.1 and own["log_loss"] < of["mean"]["log_loss"]
            elif "rmse" in own:
                assert own["rmse"] < of["biases"]["rmse"] and own["mae"] < of["biases"]["mae"]
            else:
                assert own["ndcg@10"] > 2 * of["popularity"]["ndcg@10"]

    def test_its_row_states_how_its_weights_are_stored(self, folder):
        sizes = {}
        with h5py.File(folder / "model.weights.h5") as file:
            file.visititems(lambda _, one: sizes.update({one.size: one.dtype} if isinstance(one, h5py.Dataset) else {}))
        assert STATED[folder.name] == str(sizes[max(sizes)])
        stored, metrics = measured(folder).get("stored_weights"), measured(folder)["test"]
        if stored and "test" in stored:  # converted: the stated digits are true of the stored weights too
            own = metrics[load(folder).model.name]["metrics"]
            assert all(f"{own[name]:.4f}" == f"{value:.4f}" for name, value in stored["test"].items())

    def test_is_small(self, folder):
        assert (folder / "model.weights.h5").stat().st_size < LIMIT_MB * 1e6
