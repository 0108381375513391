"""Plots of predictions against labels: calibration of clicks, predicted against actual ratings."""

from __future__ import annotations

import numpy as np

from tfrec.metrics import calibration, calibration_error, mae, rmse
from tfrec.pictures import drawing, png
from tfrec.terminal import printable


def label_plot(found: np.ndarray, labels: np.ndarray, task: str, title: str) -> bytes:
    """Plot as PNG: calibration and distribution of clicks; or scatter, distribution and errors of ratings.

    In the scatter of actual against predicted ratings, each row is a point. Ratings have few distinct values, so the
    actual ones are jittered: points would otherwise lie on top of each other.

    Args:
        found: (N,) probabilities or ratings.
        labels: (N,).
        task: "click" or "rating".
        title: title of the figure.

    Raises:
        InputError: if matplotlib is not installed.
    """
    draw, panels = (_clicks, 2) if task == "click" else (_ratings, 3)
    with drawing() as pyplot:
        figure, all_axes = pyplot.subplots(1, panels, figsize=(5 * panels, 4.3), layout="constrained")
        draw(*all_axes, found, labels)
        figure.suptitle(printable(title))
        for axes in all_axes:
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


def _ratings(scatter: object, middle: object, right: object, found: np.ndarray, labels: np.ndarray) -> None:
    levels = np.unique(labels)
    ends = [float(levels[0]), float(levels[-1])]
    step = float(np.diff(levels).min()) if len(levels) > 1 else 1.0
    jitter = np.random.default_rng(20261128).uniform(-0.35, 0.35, len(labels)) * step
    # Few rows as large opaque points, many as small transparent ones.
    size, opacity = max(1.0, 16 - len(labels) / 500), float(np.clip(300 / max(len(labels), 1), 0.08, 0.6))
    scatter.scatter(labels + jitter, found, s=size, alpha=opacity, color="C0")
    scatter.scatter([], [], s=16, color="C0", label="rows")  # visible in the legend
    middle_title = "Predictions for each rating"
    if len(levels) <= 20:
        parts = [found[labels == level] for level in levels]
        drawn = middle.violinplot(parts, positions=levels, widths=0.8 * step, showmedians=True)
        drawn["bodies"][0].set_label("predictions of the rows with a rating")
    else:
        middle.hist([labels, found], 40, label=["actual", "predicted"])
        middle_title = "Distribution"
    for axes in (scatter, middle) if len(levels) <= 20 else (scatter,):
        axes.plot(ends, ends, color="black", linestyle=":", label="perfect")
        axes.set(xlabel="actual", ylabel="predicted")
    scatter.set(title=f"RMSE {rmse(found, labels):.4f}, MAE {mae(found, labels):.4f}", xlabel="actual, jittered")
    middle.set(title=middle_title)
    right.hist(found - labels, 60, label="rows")
    right.axvline(0, color="black", linestyle=":", label="no error")
    right.set(title="Errors", xlabel="predicted - actual", ylabel="rows")
