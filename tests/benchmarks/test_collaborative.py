"""The collaborative benchmark chooses on the validation part, tests once per seed, and keeps earlier results."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "collaborative.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path):
    """Small data sets in the layouts of the real ones: users of two groups, 60 items."""
    random = np.random.default_rng(0)
    rows = {user: [f"{user % 2}{item}" for item in random.choice(70, 12, replace=False)] for user in range(60)}
    for name in ("ml-1m", "gowalla"):
        (tmp_path / "data" / name).mkdir(parents=True)
    pairs = "".join(f"{user} {item}\n" for user, items in rows.items() for item in items)
    (tmp_path / "data" / "ml-1m" / "sequences.txt").write_text(pairs)
    for name, part in (("train", slice(0, 9)), ("test", slice(9, 12))):
        lines = "".join(f"{user} {' '.join(items[part])}\n" for user, items in rows.items())
        (tmp_path / "data" / "gowalla" / f"{name}.txt").write_text(lines)
    return tmp_path


def test_rows_are_chosen_tested_and_kept(benchmark, folder, monkeypatch, capsys):
    fitted = []

    def build(split, spec, seed, regularization, dim=2):
        fitted.append((regularization, dim, seed, len(split.train)))
        return benchmark.evaluation.IALS(split.train, spec, dim, regularization, epochs=2, seed=seed)

    stages = [{"regularization": [0.01, 0.5]}, {"dim": [4]}]
    planned = benchmark.Model(build, {name: stages for name in benchmark.PROTOCOLS}, seeds=(0, 1))
    monkeypatch.setattr(benchmark, "MODELS", {"popularity": benchmark.MODELS["popularity"], "ials": planned})
    run = ["--data", str(folder / "data"), "--out", str(folder / "out")]
    benchmark.main(run)
    results = json.loads((folder / "out" / "collaborative.json").read_text())
    for name, protocol in benchmark.PROTOCOLS.items():
        row = results[name]["ials"]
        trials = {json.dumps(trial["settings"]): trial[protocol.chosen_by] for trial in row["trials"]}
        assert len(trials) == 3 and trials[json.dumps(row["settings"])] == max(trials.values())
        assert [run["seed"] for run in row["test"]] == [0, 1]
        assert set(protocol.metrics) < set(row["test"][0])
    # Trials learn from the training rows; the tested models of all protocols but the first from the validation too.
    rows = [600] * 5 + 2 * ([600] * 3 + [660] * 2) + [486] * 3 + [540] * 2
    assert [size for *_, size in fitted] == rows
    text = (folder / "out" / "collaborative.md").read_text()
    assert text.count("| ials |") == text.count("| popularity | ") == 4 and "not reached" in text

    fitted.clear()
    benchmark.main([*run, "--models", "ials", "--protocols", "gowalla"])  # all results are known
    assert not fitted and json.loads((folder / "out" / "collaborative.json").read_text()) == results
    planned.stages["gowalla"].append({"regularization": [0.02]})
    benchmark.main([*run, "--models", "ials", "--protocols", "gowalla"])  # one more trial, and the test if it is chosen
    assert [size for *_, size in fitted][:1] == [486] and len(fitted) in (1, 3)
    capsys.readouterr()
