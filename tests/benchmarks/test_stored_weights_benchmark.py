"""The benchmark of stored weights compares both dtypes, and converts only what measures the same."""

import importlib.util
import json
from pathlib import Path

import pytest

from tfrec import data, evaluation, models, presets, training

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    path = Path(__file__).parents[2] / "benchmarks" / "stored_weights.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    world = data.generate_world(num_users=20, num_items=120, seed=1)
    train, _, test = world.split(data.LeaveLastOut())
    spec_of_data = data.FeatureSpec.fit(train, max_length=8)
    model = models.SASRec(spec_of_data.num_items, 8, 32, num_blocks=1, seed=0)
    report = evaluation.evaluate(model, spec_of_data, test).to_json()
    recipe = training.Recipe(max_length=8, model={"class": "SASRec", "hidden_dim": 32, "num_blocks": 1})
    run = {"recipe": recipe.to_json(), "seed": 0, "best_epoch": 1, "seconds": 1, "machine": "an abacus", "versions": {}}
    metrics = {"valid": {"sasrec": report}, "test": {"sasrec": report}, "training": run}
    presets.save(model, spec_of_data, tmp_path / "sasrec_ml1m", metrics)
    monkeypatch.setattr(module, "read", lambda folder: world)
    monkeypatch.setattr(module.presets, "load", lambda name, load=presets.load: load(tmp_path / name))
    return module


def test_what_measures_the_same_is_converted_and_keeps_its_row(benchmark, tmp_path, capsys):
    run = ["--presets", "sasrec_ml1m", "--out", str(tmp_path), "--data", str(tmp_path)]
    benchmark.main(run)
    file, metrics = tmp_path / "stored_weights.json", tmp_path / "sasrec_ml1m" / "metrics.json"
    found = json.loads(file.read_text())
    row = found["sasrec_ml1m"]
    assert row["float32"] == pytest.approx(row["recorded"]) and set(row["float16"]) == {"recall@10", "ndcg@10"}
    assert "stored_weights" not in json.loads(metrics.read_text())

    row["float16"] = {name: value + 1e-3 for name, value in row["recorded"].items()}  # as if rounding had changed it
    file.write_text(json.dumps(found))
    benchmark.main([*run, "--convert"])
    assert "stored_weights" not in json.loads(metrics.read_text())

    row["float16"] = row["recorded"]
    file.write_text(json.dumps(found))
    benchmark.main([*run, "--convert"])
    assert json.loads(metrics.read_text())["stored_weights"]["dtype"] == "float16"
    kept = json.loads(file.read_text())["sasrec_ml1m"]["bytes"]
    assert kept["float16"] < 0.8 * kept["float32"]
    benchmark.main(run)  # it is not measured again
    assert json.loads(file.read_text())["sasrec_ml1m"]["bytes"] == kept
    assert "| `sasrec_ml1m` | recall@10 |" in (tmp_path / "stored_weights.md").read_text()
    capsys.readouterr()
