"""The benchmark of long histories runs and reports its measurements. The values need a machine without other jobs."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "long_history.py"
    spec = importlib.util.spec_from_file_location("long_history", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux reports the peak")
def test_measures_a_step(benchmark):
    cell = benchmark.measure("linear", length=32, positions=64, steps=1)
    assert cell["milliseconds"] > 0 and cell["mebibytes"] >= 0


def test_the_table_is_a_position_and_shows_the_growth(benchmark):
    cells = [
        {"attention": name, "length": length, "milliseconds": 8.0 * factor, "mebibytes": 4.0 * factor}
        for name, steep in (("softmax", True), ("linear", False))
        for length, factor in ((256, 1), (1024, 4 if steep else 1))
    ]
    lines = benchmark.table(cells, positions=8000).splitlines()
    assert "| softmax | 1.0 | 4.0 | 4.0 x |" in lines and "| linear | 1.0 | 1.0 | 1.0 x |" in lines
    assert "| softmax | 0.5 | 2.0 | 4.0 x |" in lines
