"""The commands and code of the README and the guides work."""

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
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
# Pages whose blocks continue from those of the quickstart.
CONTINUED = ("data", "evaluation", "training")
DOCUMENTS = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "export/README.md", "examples/README.md")
    ),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "models").rglob("README.md")),
    *sorted((ROOT / "benchmarks").rglob("*.md")),
]


def text(path):
    return path.read_text(encoding="utf-8")


def blocks(path, language="python"):
    return re.findall(rf"^```{language}\n(.*?)^```", text(path), re.DOTALL | re.MULTILINE)


def execute(path, names):
    """Run the Python blocks of a page, one after another, with short trainings."""
    for block in blocks(path):
        short = (
            re.sub(r"\bepochs=\d+", "epochs=1", block)
            .replace("hidden_dim=64", "hidden_dim=8")
            .replace("(1e-3, 3e-3)", "(1e-3,)")
            .replace("num_blocks=2", "num_blocks=1")
        )
        exec(compile(short, path.name, "exec"), names)
    return names


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A folder with data that looks like MovieLens."""
    world = generate_world(num_users=60, num_items=120, seed=0)
    folder = tmp_path_factory.mktemp("films")
    (folder / "ml-latest-small").mkdir()
    rows = world.to_pandas().rename(columns={"user": "userId", "item": "movieId", "time": "timestamp"})
    rows = rows.assign(rating=np.random.default_rng(0).integers(1, 11, len(rows)) / 2)
    rows.to_csv(folder / "ml-latest-small" / "ratings.csv", index=False)
    items = world.items.rename_axis("movieId").reset_index()
    items = items.assign(genres=["Drama|War", "Comedy"] * (len(items) // 2))
    items.to_csv(folder / "ml-latest-small" / "movies.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def quickstart(films):
    """The variables that the blocks of the quickstart define."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(films)
        return execute(ROOT / "docs" / "guides" / "quickstart.md", {})


@pytest.mark.slow
def test_the_readme_fits_on_its_page_and_its_example_runs(films, monkeypatch):
    monkeypatch.chdir(films)
    assert len(text(README).splitlines()) <= 150
    (example,) = blocks(README)
    assert len([line for line in example.splitlines() if line and not line.startswith("import")]) == 10
    execute(README, {})
    assert (films / "served" / "my_model" / "1" / "saved_model.pb").exists()


@pytest.mark.slow
def test_the_quickstart_trains_a_preset(films, quickstart):
    assert (films / "my_model" / "preset.json").exists() and quickstart["bundled"].spec.num_items == 3416


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in GUIDES if page.name != "quickstart.md"], ids=lambda page: page.stem)
def test_the_blocks_of_a_guide_run(page, films, quickstart, monkeypatch):
    if not blocks(page):
        pytest.skip("no Python on this page")
    monkeypatch.chdir(films)
    execute(page, dict(quickstart) if page.stem in CONTINUED else {})


def test_recipes_that_are_shown_can_be_read(tmp_path):
    shown = [recipe for page in (README, *GUIDES) for recipe in blocks(page, "toml")]
    for recipe in shown:
        if '"acme>' in recipe:  # a class that the reader defines
            continue
        (tmp_path / "recipe.toml").write_text(recipe, encoding="utf-8")
        assert load_recipe(tmp_path / "recipe.toml").model["class"] in recipe
    assert shown


def test_every_command_is_shown_and_every_shown_command_exists():
    table = text(ROOT / "docs" / "guides" / "quickstart.md")
    assert set(re.findall(r"^\| `tfrec ([\w-]+)", table, re.MULTILINE)) == set(_COMMANDS)
    for page in (README, *GUIDES):
        assert set(re.findall(r"^tfrec ([\w-]+)", text(page), re.MULTILINE)) <= set(_COMMANDS), page.name


def test_the_numbers_of_presets_are_those_that_were_measured():
    rows = [
        row
        for page in (README, *GUIDES)
        for row in re.findall(r"^\| `(\w+)` (\|.*0\.\d{4}.*)$", text(page), re.MULTILINE)
    ]
    assert rows and {name for name, _ in rows} <= zoo().keys()
    for name, row in rows:
        metrics = json.loads((zoo()[name] / "metrics.json").read_text(encoding="utf-8"))
        of_model = metrics["test"][metrics["training"]["recipe"]["model"]["class"].lower()]["metrics"]
        for metric in ("recall@10", "ndcg@10", "auc", "log_loss", "rmse", "mae"):
            assert metric not in of_model or f"{of_model[metric]:.4f}" in row, (name, metric)


def test_every_bundled_preset_is_on_the_page_that_compares_them():
    shown = re.findall(r"^\| `(\w+)` \|", text(ROOT / "docs" / "guides" / "choosing.md"), re.MULTILINE)
    assert set(shown) == {name for name, folder in zoo().items() if (folder / "model.weights.h5").exists()}


def test_every_guide_is_on_the_first_page_and_in_the_navigation():
    navigation = text(ROOT / "mkdocs.yml")
    for page in GUIDES:
        assert f"(docs/guides/{page.name})" in text(README) and f"guides/{page.name}" in navigation, page.name


def anchors(path):
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^ *```.*?^ *```", "", text(path), flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", one)).strip().lower().replace(" ", "-")
        for one in headings
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_are_valid(document):
    for link, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", text(document)):
        if link.startswith(("http", "mailto:")):
            continue
        target = (document.parent / link) if link else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"
