"""The benchmark of click models encodes the same rows for all libraries, and marks goals that are not reached."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def module_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def benchmark():
    before = list(sys.path)
    yield module_of(BENCHMARKS / "ctr.py")
    sys.path[:] = before


@pytest.fixture(scope="module")
def rows():
    return module_of(BENCHMARKS / "peers" / "ctr_data.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table as Criteo's: the label is whether the first category is "a", and there are missing cells."""
    folder = tmp_path_factory.mktemp("data") / "criteo-sample"
    folder.mkdir()
    random = np.random.default_rng(0)
    is_a = random.random(400) < 0.3
    frame = pd.DataFrame({"label": is_a.astype(int)})
    for number in range(13):
        frame[f"I{number}"] = pd.Series(random.integers(-1, 500, 400)).astype("Int64").mask(random.random(400) < 0.2)
    for number in range(26):
        frame[f"C{number}"] = np.where(is_a, "a", "b") if not number else random.choice(list("xyz"), 400)
    frame.to_csv(folder / "rows.tsv", sep="\t", header=False, index=False)
    return folder.parent


def test_numbers_become_buckets_and_missing_ones_stay_missing(rows):
    found = rows._bucket(pd.Series([None, -2.0, 0, 2, 3, 1000]))
    assert found.iloc[1:].tolist() == ["-2", "0", "2", "3", "49"] and found.isna().tolist()[0]


def test_all_sides_see_the_same_rows_and_tfrec_learns_them(benchmark, rows, folder, tmp_path):
    split, spec = rows.load("criteo-sample", folder)
    rows.write(split, spec, tmp_path / "rows.npz")
    with np.load(tmp_path / "rows.npz") as arrays:
        assert arrays["train/label"].tolist() == split.train.labels.tolist()
        is_a = arrays["test/C1"] == arrays["test/C1"][split.test.labels > 0][0]
        np.testing.assert_array_equal(is_a, split.test.labels > 0)
    job = {"data": "criteo-sample", "folder": str(folder), "rows": None, "model": "DeepFM", "threads": 1}
    job |= {"sizes": {**benchmark.SIZES, "learning_rate": 0.01}, "batch_size": 32, "epochs": 2, "seeds": [0]}
    job |= {"parts": ["test"], "scores": str(tmp_path / "scores.npz")}
    (tmp_path / "job.json").write_text(json.dumps(job))
    script = [sys.executable, str(BENCHMARKS / "peers" / "ctr_ours.py"), str(tmp_path / "job.json")]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    (seconds,) = json.loads(done.stdout.splitlines()[-1])["seconds"]
    with np.load(tmp_path / "scores.npz") as scores:
        values = scores["0/test"][-1]
    assert len(seconds) == 2 and values[is_a].min() > values[~is_a].max()


def test_goals_that_are_not_reached_are_marked(benchmark):
    sides = {
        "tfrec": {"auc": [0.750, 0.001], "rows_per_second": 900},
        "deepctr": {"auc": [0.7519, 0.001], "rows_per_second": 1000},
        "fuxictr": {"auc": [0.7521, 0.001]},
    }
    results = {"criteo-sample": {"AFM": sides}, "machine": "two cores"}
    close, worse = results["goals"] = benchmark.goals(results)
    assert close["auc"] and close["speed"] is False and close["times_as_fast"] == 0.9
    assert worse["auc"] is False and worse["speed"] is None
    text = benchmark.table(results)
    assert "-0.0019, reached | 0.90 x, NOT reached" in text and "-0.0021, NOT reached |  |" in text
