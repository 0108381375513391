"""What the README shows is what works."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tfrec.cli import _COMMANDS
from tfrec.data import generate_world
from tfrec.presets import zoo
from tfrec.training import load_recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def films(tmp_path, monkeypatch):
    """A folder that looks like MovieLens, to be in."""
    world = generate_world(num_users=60, num_items=120, seed=0)
    folder = tmp_path / "ml-latest-small"
    folder.mkdir()
    rows = world.to_pandas().rename(columns={"user": "userId", "item": "movieId", "time": "timestamp"})
    rows = rows.assign(rating=np.random.default_rng(0).integers(1, 11, len(rows)) / 2)
    rows.to_csv(folder / "ratings.csv", index=False)
    items = world.items.rename_axis("movieId").reset_index()
    items.assign(genres=["Drama|War", "Comedy"] * (len(items) // 2)).to_csv(folder / "movies.csv", index=False)
    monkeypatch.chdir(tmp_path)


def blocks():
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_journey_in_python_runs(tmp_path, films):
    exec(compile(blocks()[0].replace("epochs=20", "epochs=1"), "README.md", "exec"), {})
    assert (tmp_path / "served" / "my_model" / "1" / "saved_model.pb").exists()


def test_a_ranking_model_is_trained_and_evaluated_as_shown(films, capsys):
    assert len(blocks()) == 2
    exec(compile(blocks()[1], "README.md", "exec"), {})
    assert "grouped_auc" in capsys.readouterr().out


def test_recipes_that_are_shown_can_be_read(tmp_path):
    shown = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    for text in shown:
        (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
        assert load_recipe(tmp_path / "recipe.toml").model["class"] in text
    assert shown


def test_every_command_is_shown_and_every_shown_command_exists():
    assert set(re.findall(r"^\| `tfrec ([\w-]+)", README, re.MULTILINE)) == set(_COMMANDS)


def test_the_numbers_of_the_zoo_are_those_that_were_measured():
    rows = dict(re.findall(r"^\| `(\w+)` (\|.*)$", README, re.MULTILINE))
    assert rows and rows.keys() <= zoo().keys()
    for name, row in rows.items():
        metrics = json.loads((zoo()[name] / "metrics.json").read_text(encoding="utf-8"))
        of_model = metrics["test"][metrics["training"]["recipe"]["model"]["class"].lower()]["metrics"]
        for metric in ("recall@10", "ndcg@10", "auc", "log_loss", "rmse", "mae"):
            assert metric not in of_model or f"{of_model[metric]:.4f}" in row, (name, metric)


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "export/README.md", "models/README.md"]
)
def test_links_lead_somewhere(document):
    path = ROOT / document
    for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert link.startswith("http") or (path.parent / link).exists(), link
