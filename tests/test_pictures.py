"""Plots: texts are literal, and a failing plot affects nothing else."""

import sys

import numpy as np
import pytest

from tfrec import presets
from tfrec.data import FeatureSpec, generate_world
from tfrec.evaluation import label_plot
from tfrec.inference import heat_map
from tfrec.models import SASRec
from tfrec.pictures import drawing, drawn
from tfrec.presets import manifest
from tfrec.serving import Attention
from tfrec.training.curves import learning_curve

HARD = ["x$_$y", r"$\frac{$", r"\alpha \$", "a_b^c $1 and $2", "日本 🎬", "\x1b[2J\nz", "$", "%s {0}"]
SCORES = np.linspace(0, 1, 40)
HISTORY = {"loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "val_ndcg@10": [0.1, 0.2]}
PICTURES = {
    "heat map": lambda text: heat_map(
        [Attention("of " + text, ("event",), ((text, "other"),), np.ones(2))], f"A model: {text}"
    ),
    "learning curve": lambda text: learning_curve(HISTORY, {text: 0.1}),
    "label plot": lambda text: label_plot(SCORES, SCORES.round(), "click", text),
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.filterwarnings("error")
def test_titles_are_literal(name, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    monkeypatch.setitem(matplotlib.rcParams, "font.family", ["A font that is not there"])
    assert PICTURES[name](" ".join(HARD)).startswith(b"\x89PNG")
    assert matplotlib.rcParams["font.family"] == ["A font that is not there"]


@pytest.mark.parametrize("text", HARD)
def test_a_title_is_drawn_literally(text):
    with drawing() as pyplot:
        figure = pyplot.figure(figsize=(1, 1))
        title = figure.suptitle(text)
        assert not title.get_parse_math() and not title.get_usetex()
        figure.canvas.draw()
        pyplot.close(figure)


def test_a_failing_plot_is_reported_and_left_out(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    failing = {"a.png": lambda: b"a", "b.png": lambda: 1 / 0, "c.png": lambda: learning_curve(HISTORY)}
    assert drawn(failing) == {"a.png": b"a"}
    message = capsys.readouterr().err.splitlines()
    assert len(message) == 2 and "b.png was not drawn: division by zero" in message[0] and "pip install" in message[1]


def test_files_that_are_added_later_belong_to_the_preset(tmp_path):
    spec = FeatureSpec.fit(generate_world(num_users=60, num_items=120, seed=1), max_length=8)
    folder = presets.save(SASRec(spec.num_items, max_length=8, hidden_dim=8, seed=3), spec, tmp_path / "a$_$b")
    before = manifest.verify(folder)["files"]
    presets.add_files(folder, {"learning_curve.png": b"a picture"})
    assert manifest.verify(folder)["files"].keys() == before.keys() | {"learning_curve.png"}
    assert presets.check_target(folder) == folder and [one.name for one in tmp_path.iterdir()] == ["a$_$b"]
