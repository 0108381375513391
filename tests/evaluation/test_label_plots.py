"""Plots of predictions against labels."""

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


def test_the_scatter_shows_every_row_around_its_rating(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    kept = []
    monkeypatch.setattr(pyplot, "close", kept.append)
    labels = np.random.default_rng(0).integers(1, 6, 500).astype("float32")
    found = np.clip(labels + np.random.default_rng(1).normal(0, 0.9, 500), 1, 5)
    label_plot(found, labels, "rating", "a title")
    monkeypatch.undo()
    scatter = kept[0].axes[0]
    points = scatter.collections[0].get_offsets()
    np.testing.assert_array_equal(np.asarray(points[:, 0]).round(), labels)
    np.testing.assert_allclose(np.asarray(points[:, 1]), found)
    assert len(np.unique(points[:, 0])) == 500
    (diagonal,) = scatter.get_lines()
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [1.0, 5.0]
    pyplot.close(kept[0])
