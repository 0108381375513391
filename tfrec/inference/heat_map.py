"""Plot attention weights as heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfrec.errors import InputError
from tfrec.inference.explanation import Attention
from tfrec.pictures import drawing, png
from tfrec.terminal import printable

_LONGEST = 36  # characters of a label
_MOST_HEADS = 4  # maximum number of panels for the heads of one attention; with more heads, their mean is drawn
_CELL, _LETTER = 0.32, 0.085  # inches


class _Panel(NamedTuple):
    title: str
    rows: list[str]
    columns: list[str]
    weights: np.ndarray

    @property
    def width(self) -> float:
        return 0.9 + _LETTER * max(map(len, self.rows)) + max(_CELL * len(self.columns), _LETTER * len(self.title))

    @property
    def height(self) -> float:
        return 1.1 + _LETTER * max(map(len, self.columns)) + _CELL * len(self.rows)


def heat_map(attentions: Sequence[Attention], title: str = "") -> bytes:
    """A panel for each attention, with titles along its axes, as a PNG.

    Weights over one axis are drawn as one column per head. Weights of pairs are drawn as a matrix, in which rows attend
    to columns, with one panel per head. Negative weights are red.

    Args:
        attentions: result of `tfrec.serving.explain`, at least one attention.
        title: title of the figure.

    Raises:
        InputError: if matplotlib is not installed, or there are no weights.
    """
    panels = [panel for attention in attentions if attention.weights.size for panel in _panels(attention)]
    if not panels:
        raise InputError("There are no attention weights to draw: none of the items in the history is known.")
    with drawing() as pyplot:
        widths = [panel.width for panel in panels]
        size = min(max(sum(widths), 7), 40), min(max(panel.height for panel in panels), 40)
        figure, places = pyplot.subplots(
            1, len(panels), figsize=size, width_ratios=widths, layout="constrained", squeeze=False
        )
        for axes, panel in zip(places[0], panels, strict=True):
            _draw(figure, axes, panel)
        figure.suptitle(_shown(title, int(size[0] / _LETTER)), fontsize=11)
        image = png(figure)
        pyplot.close(figure)
    return image


def _panels(attention: Attention) -> list[_Panel]:
    weights, labels, name = attention.weights, [list(map(_shown, one)) for one in attention.labels], attention.name
    if attention.axes[0] != "head":
        weights, labels = weights[None], [["weight"], *labels]
    heads, *labels = labels
    if len(labels) == 1:
        return [_Panel(name, labels[0], heads, weights.T)]
    if len(heads) > _MOST_HEADS:
        heads, weights = [f"mean of {len(heads)} heads"], weights.mean(axis=0, keepdims=True)
    rows, columns = labels[0], labels[-1]  # no attention has more than two axes besides the heads
    return [
        _Panel(name if attention.axes[0] != "head" else f"{name}, {head}", rows, columns, matrix)
        for head, matrix in zip(heads, weights.reshape(len(heads), len(rows), len(columns)), strict=True)
    ]


def _draw(figure: Any, axes: Any, panel: _Panel) -> None:
    most = float(abs(panel.weights).max(initial=0)) or 1.0
    colours = ("RdBu", -most) if panel.weights.min(initial=0) < 0 else ("Blues", 0.0)  # red is below zero
    image = axes.imshow(panel.weights, cmap=colours[0], vmin=colours[1], vmax=most, aspect="auto")
    axes.set_title(panel.title, fontsize=10)
    axes.set_yticks(range(len(panel.rows)), panel.rows, fontsize=8)
    axes.set_xticks(range(len(panel.columns)), panel.columns, fontsize=8, rotation=90)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02).ax.tick_params(labelsize=7)


def _shown(label: str, longest: int = _LONGEST) -> str:
    label = printable(label)
    return label if len(label) <= longest else f"{label[: longest - 1]}…"
