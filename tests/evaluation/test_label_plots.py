"""Pictures of scores beside labels."""

import numpy as np
import pytest

from tfrec.evaluation import label_plot


@pytest.mark.parametrize("task", ["click", "rating"])
def test_legends_do_not_cover_the_data(task, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    kept = []
    monkeypatch.setattr(pyplot, "close", kept.append)
    scores = np.random.default_rng(0).random(200)
    assert label_plot(scores, scores.round(), task, "a title").startswith(b"\x89PNG")
    monkeypatch.undo()
    (figure,) = kept
    for axes in figure.axes:
        legend = axes.get_legend().get_window_extent()
        assert not legend.overlaps(axes.get_window_extent()) and figure.bbox.contains(legend.x0, legend.y0)
    pyplot.close(figure)
