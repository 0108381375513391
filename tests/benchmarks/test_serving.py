"""The serving benchmark marks each goal. Its values need a machine without other jobs."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "serving.py"
    spec = importlib.util.spec_from_file_location("serving_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture()
def results(benchmark):
    sides = {}
    for name in (*benchmark.OURS, *benchmark.ANN):
        times = {"median_ms": 10.0, "p99_ms": 20.0}
        sides[name] = {"batch_1": dict(times), "batch_32": dict(times)}
        if not name.startswith("read"):
            sides[name]["recall"] = 0.96
    sides["ivf"]["batch_1"]["median_ms"], sides["faiss ivf"]["batch_1"]["median_ms"] = 1.0, 0.6
    sides["exact / oneDNN"]["batch_1"]["median_ms"] = 13.0
    return {
        "machine": "an abacus",
        "seconds": 7,
        "versions": {"tensorflow": "2.20.0"},
        "catalogue": {"items": 1_000_000, "width": 64, "k": 100, "sides": sides},
        "preset": {"sasrec_ml1m": {"median_ms": 3.0, "p99_ms": 9.3, "calls": 900}},
    }


def test_every_goal_is_marked(benchmark, results):
    lines = benchmark.table(results).splitlines()
    assert "| catalogue: exact, batch 1, at most 1.25 times reading the table once | 1.00 times | yes |" in lines
    assert (
        "| catalogue: exact / oneDNN, batch 1, at most 1.25 times reading the table once | 1.30 times | no |" in lines
    )
    assert "| catalogue: ivf, batch 1, at least 10 times as fast as exact | 10.00 times | yes |" in lines
    assert "| catalogue: ivf, batch 1, at most 2 times faiss ivf (recall 0.960) | 1.67 times | yes |" in lines
    assert "| exported sasrec_ml1m, batch 1, median under 5 ms | 3.00 ms | yes |" in lines
    assert "| exported sasrec_ml1m, p99 under 3 times the median | 3.10 times | no |" in lines


def test_a_command_is_held_while_we_work_and_let_go(benchmark, tmp_path):
    lock = tmp_path / "lock"
    with benchmark.under(f"sh -c 'touch {lock}; \"$@\"; rm {lock}' _"):
        assert lock.exists()
    assert not lock.exists()
    with benchmark.under(None):
        pass
