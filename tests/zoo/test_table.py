"""models/README.md has the measured metrics of the presets."""

import json
import tomllib
from pathlib import Path

import pytest

from tfrec import presets
from tfrec.cli.list import page
from tfrec.presets.zoo_results import METRICS

ROOT = Path(__file__).parents[2] / "models"
FOLDERS = sorted(path.parent for path in ROOT.rglob("metrics.json"))


def test_the_table_is_up_to_date():
    assert (ROOT / "README.md").read_text(encoding="utf-8") == page(presets.results()), "run `make zoo`"


def test_the_table_of_families_has_the_numbers_of_presets_and_benchmarks():
    measured = json.loads((ROOT.parent / "benchmarks/results/collaborative.json").read_text("utf-8"))["ml-1m"]
    of_presets = {result.preset: result.metrics for result in presets.results()}
    rows = [line.strip("| ").split(" | ") for line in (ROOT / "families.md").read_text("utf-8").splitlines()]
    rows = [row for row in rows if len(row) == 6 and row[0] in ("baseline", "collaborative", "sequential")]
    assert len(rows) >= 10 and [float(row[4]) for row in rows] == sorted(float(row[4]) for row in rows)
    for _, name, _, *shown, _ in rows:
        if name.startswith("`"):
            metrics = of_presets[name.strip("`")]
        else:
            runs = measured[name]["test"]
            metrics = {key: sum(run[key] for run in runs) / len(runs) for key in ("recall@10", "ndcg@10")}
        assert [float(number) for number in shown] == [round(metrics[key], 4) for key in ("recall@10", "ndcg@10")]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("recipe.toml")), ids=lambda path: path.parent.name)
def test_a_recipe_has_its_data_named_and_numbers_to_compare_with(path):
    about = tomllib.loads((path.parent / "published.toml").read_text(encoding="utf-8"))
    assert about.keys() <= {"data", "published"} and about["data"]
    for entry in about.get("published", []):
        names = entry.keys() - {"source"}
        assert entry["source"] and names in [set(of) & names for of in METRICS.values()] and names
        assert "ndcg@10" not in entry or 0 < entry["ndcg@10"] < entry["recall@10"] < 1


def test_presets_of_one_dataset_are_comparable():
    targets: dict[str, set[str]] = {}
    for folder in FOLDERS:
        data = tomllib.loads((folder / "published.toml").read_text(encoding="utf-8"))["data"]
        for report in json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["test"].values():
            task, hashes = report.get("task", "retrieval"), report["data_sha256"]
            assert task != "retrieval" or report["mask_seen"]
            targets.setdefault((data, task), set()).add(hashes["targets"] if task == "retrieval" else hashes)
    assert all(len(hashes) == 1 for hashes in targets.values()), "the same test items under one name"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("seeds.json")), ids=lambda path: path.parent.name)
def test_further_seeds_are_listed_with_the_seed_of_the_preset(path):
    own = json.loads((path.parent / "metrics.json").read_text(encoding="utf-8"))["training"]
    entries = json.loads(path.read_text(encoding="utf-8"))["seeds"]
    assert entries[0]["seed"] == own["seed"] and entries[0]["seconds"] == own["seconds"]
    assert len({entry["seed"] for entry in entries}) == len(entries) > 1
