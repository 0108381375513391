"""The examples run, on less data."""

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = {
    "sequential_from_csv": {"csv": None, "users": 60, "epochs": 1},
    "clicks_with_features": {"rows": 600, "epochs": 1},
    "two_stages": {"users": 60, "epochs": 1},
    "own_model": {"users": 60, "epochs": 1},
    "own_layers": {"rows": 200, "epochs": 1},
}
SHOWS = {
    "sequential_from_csv": "item-to-item",
    "clicks_with_features": "calibration_error",
    "two_stages": "served/1",
    "own_model": "served/1",
    "own_layers": "[[",
}


def load(name):
    """The names of a script, with smaller models."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    names = {"__name__": name}
    exec(compile(smaller(text), f"{name}.py", "exec"), names)
    return names


def smaller(text):
    return text.replace("hidden_dim=64", "hidden_dim=8").replace("num_blocks=2", "num_blocks=1")


def test_every_script_is_tried_and_short():
    scripts = {path.stem: path for path in EXAMPLES.glob("*.py")}
    assert scripts.keys() == SMALL.keys()
    for path in scripts.values():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 80, path.name
        assert f"({path.name})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_an_example_runs(name, tmp_path, capsys):
    options = {"out": tmp_path, **SMALL[name]} if name != "own_layers" else SMALL[name]
    load(name)["main"](**options)
    assert SHOWS[name] in capsys.readouterr().out


@pytest.mark.slow
def test_the_notebook_runs_and_its_plots_are_kept(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    path = EXAMPLES / "sequential_from_csv.ipynb"
    kept = json.loads(path.read_text(encoding="utf-8"))["cells"]
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        cell.source = smaller(cell.source.replace("USERS, EPOCHS = 2000, 20", "USERS, EPOCHS = 60, 1"))
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs" / "notebook" / "preset" / "preset.json").exists()
    for new, old in zip(notebook.cells, kept, strict=True):
        assert plots(new) == plots(old)
    assert sum(map(plots, kept)) == 3


def plots(cell):
    return sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
