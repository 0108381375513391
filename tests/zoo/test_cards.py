"""Every model with a recipe has a card with all required sections."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "models"
PRESETS = sorted(path.parent for path in ROOT.rglob("recipe.toml"))
MODELS = sorted({folder.parent for folder in PRESETS})
SECTIONS = ("Where we differ from the paper", "Results", "Data and terms", "Limits", "Use")


def card(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


def section(text, title):
    return re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)
class TestCard:
    def test_has_the_sections_in_order(self, folder):
        text = card(folder)
        assert text.startswith("# ") and "**Paper**:" in text and "**Code**:" in text
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)
        assert all(len(section(text, title).split()) > 5 for title in SECTIONS)

    def test_links_are_valid(self, folder):
        for link in re.findall(r"\]\(([^)#]+)\)", card(folder)):
            assert link.startswith("http") or (folder / link).exists(), link

    def test_use_shows_how_to_export_and_to_train_again(self, folder):
        use = section(card(folder), "Use")
        assert "tfrec export" in use and "tfrec train" in use


@pytest.mark.parametrize("folder", PRESETS, ids=lambda folder: folder.name)
def test_the_card_names_the_preset_and_its_measured_numbers(folder):
    text = card(folder.parent)
    assert f"`{folder.name}`" in text
    if (folder / "metrics.json").exists():
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        of_model = metrics["test"][metrics["training"]["recipe"]["model"]["class"].lower()]["metrics"]
        for name in ("recall@10", "ndcg@10", "auc", "log_loss", "rmse", "mae"):
            assert name not in of_model or f"{of_model[name]:.4f}" in text, name
