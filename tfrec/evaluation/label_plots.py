"""Plots of predictions against labels: calibration of clicks, predicted against actual ratings."""

from __future__ import annotations

import numpy as np

from tfrec.metrics import calibration, calibration_error, mae, rmse
from tfrec.pictures import drawing, png
from tfrec.terminal import printable


def label_plot(found: np.ndarray, labels: np.ndarray, task: str, title: str) -> bytes:
    """Plot as PNG: share of clicks over predicted probability, or the predictions for each rating.

    Args:
        found: (N,) probabilities or ratings.
        labels: (N,).
        task: "click" or "rating".
        title: title of the figure.

    Raises:
        InputError: if matplotlib is not installed.
    """
    with drawing() as pyplot:
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.3), layout="constrained")
        if task == "click":
            _clicks(left, right, found, labels)
        else:
            _ratings(left, right, found, labels)
        figure.suptitle(printable(title))
        for axes in (left, right):
            axes.grid(alpha=0.3)
            # Below the axes: any corner inside may hold a bar or tail.
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
        image = png(figure)
        pyplot.close(figure)
    return image


def _clicks(left: object, right: object, found: np.ndarray, labels: np.ndarray) -> None:
    means, shares, _ = calibration(found, labels)
    left.plot([0, 1], [0, 1], color="gray", linestyle=":", label="perfect")
    left.plot(means, shares, marker="o", label=f"error {calibration_error(found, labels):.4f}")
    left.set(title="Calibration, one point per decile", xlabel="predicted probability", ylabel="share of clicks")
    bins = np.linspace(0, 1, 41)
    for label, name in ((0, "no click"), (1, "click")):
        right.hist(found[labels == label], bins, alpha=0.6, label=name)
    right.set(title="Predicted probabilities", xlabel="predicted probability", ylabel="rows")


def _ratings(left: object, right: object, found: np.ndarray, labels: np.ndarray) -> None:
    levels = np.unique(labels)
    if len(levels) <= 20:
        parts = [found[labels == level] for level in levels]
        widths = 0.8 * np.diff(levels).min() if len(levels) > 1 else 0.8
        drawn = left.violinplot(parts, positions=levels, widths=widths, showmedians=True)
        drawn["bodies"][0].set_label("predictions of the rows with a rating")
    else:
        left.scatter(labels, found, s=2, alpha=0.2, label="rows")
    ends = [float(levels[0]), float(levels[-1])]
    left.plot(ends, ends, color="gray", linestyle=":", label="perfect")
    left.set(title=f"RMSE {rmse(found, labels):.4f}, MAE {mae(found, labels):.4f}", xlabel="actual", ylabel="predicted")
    right.hist(found - labels, 60, label="rows")
    right.axvline(0, color="gray", linestyle=":")
    right.set(title="Errors", xlabel="predicted - actual", ylabel="rows")
