"""Walks the zoo: every preset loads, answers, says what was measured, and keeps to the house's rules."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tfrec import presets, serving
from tfrec.training import Recipe

ROOT = Path(__file__).parents[2] / "models"
FOLDERS = sorted(path.parent for path in ROOT.rglob("preset.json"))
LIMIT_MB = 5

pytestmark = pytest.mark.tensorflow


def test_the_whole_zoo_is_small():
    assert sum(path.stat().st_size for path in ROOT.rglob("*") if path.is_file()) < 40e6


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
class TestPreset:
    def test_loads_by_name_and_recommends(self, folder):
        preset = presets.load(folder.name)
        assert preset.folder.resolve() == folder.resolve()
        tokens = preset.spec.items.tokens.tolist()
        (ids,), scores = serving.recommend(preset.model, preset.spec, [tokens[:3]], 10)
        assert len(set(ids)) == 10 and not set(ids) & set(tokens[:3])
        assert np.isfinite(scores).all()

    def test_has_titles(self, folder):
        titles = presets.load(folder.name).spec.titles
        assert titles and all(titles)

    def test_its_recipe_is_the_one_that_was_run(self, folder):
        recipe = Recipe.load(folder / "recipe.toml")
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["training"]["recipe"] == recipe.to_json()

    def test_metrics_carry_seed_time_machine_and_hash(self, folder):
        metrics = json.loads((folder / "metrics.json").read_text())
        training = metrics["training"]
        assert all(training[key] for key in ("seconds", "machine", "data_sha256", "versions"))
        assert "seed" in training
        model = metrics["test"]["sasrec"]["metrics"]
        assert model["ndcg@10"] > 2 * metrics["test"]["popularity"]["metrics"]["ndcg@10"]

    def test_is_small_and_has_a_card(self, folder):
        assert (folder / "model.weights.h5").stat().st_size < LIMIT_MB * 1e6
        card = (folder.parent / "README.md").read_text(encoding="utf-8")
        assert folder.name in card

    def test_the_head_of_the_recipe_names_command_machine_time_and_result(self, folder):
        text = (folder / "recipe.toml").read_text(encoding="utf-8")
        tomllib.loads(text)
        for said in ("tfrec train", "Machine:", "Time:", "Expect"):
            assert said in text
