"""The table of exports and versions shows the answers of each runtime, in both directions."""

import importlib.util
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("versions_benchmark", BENCHMARKS / "tensorflow_versions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_load_errors_and_operations_of_one_version_only_are_shown(benchmark):
    graph = {"kind": "ivf", "producer": 1, "min_consumer": 12}
    results = {
        **{"retrieval": "a", "ranking": "b", "machine": "an abacus"},
        "written": [
            {**graph, "writer": "2.20.0", "operations": ["Add"]},
            {**graph, "writer": "2.21.0", "operations": ["Add", "New"]},
        ],
        "loaded": [
            {"kind": "ivf", "writer": "2.20.0", "runtime": "2.21.0", "calls": 2, "rows": 5, "difference": 1e-6},
            {"kind": "ivf", "writer": "2.21.0", "runtime": "2.20.0", "calls": 2, "rows": 5, "error": "no op New"},
        ],
    }
    lines = benchmark.table(results).splitlines()
    assert "| ivf | 2.20.0 | 2.21.0 | 2 (5) | as recorded; largest difference 1e-06 |" in lines
    assert "| ivf | 2.21.0 | 2.20.0 | 2 (5) | no op New |" in lines
    assert "| ivf | 2.20.0 | 1 | none | 1 (12) |" in lines and "| ivf | 2.21.0 | 2 | New | 1 (12) |" in lines


def test_the_committed_results_have_each_export_in_each_runtime(benchmark):
    results = json.loads((BENCHMARKS / "results" / "tensorflow_versions.json").read_text())
    versions = {one["writer"] for one in results["written"]}
    assert len(versions) == 2
    seen = {(one["kind"], one["writer"], one["runtime"]) for one in results["loaded"]}
    assert seen == {(kind, a, b) for kind in benchmark.KINDS for a in versions for b in versions}
    assert (BENCHMARKS / "results" / "tensorflow_versions.md").read_text() == benchmark.table(results)
