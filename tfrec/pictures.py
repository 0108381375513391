"""Draw plots: texts are literal, fonts come with matplotlib, and a failing plot affects nothing else."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tfrec.errors import InputError
from tfrec.terminal import printable, say

NEEDS_MATPLOTLIB = "Plots need matplotlib: pip install 'tfrec[plot]'."
# Titles may contain "$" and "\", which start formulas; a user's matplotlibrc may request LaTeX or a missing font.
_SETTINGS = {
    "text.usetex": False,
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "axes.formatter.use_mathtext": False,
}


@contextmanager
def drawing() -> Iterator[Any]:
    """`matplotlib.pyplot` with the settings of tfrec's plots.

    Raises:
        InputError: if matplotlib is not installed or cannot be imported.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise InputError(f"{NEEDS_MATPLOTLIB} Importing it failed: {error}") from error
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a title with characters that the font lacks
        yield pyplot


def png(figure: Any) -> bytes:
    """A figure as the content of a PNG file."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return image.getvalue()


def drawn(pictures: Mapping[str, Callable[[], bytes]]) -> dict[str, bytes]:
    """Draw plots by name; print one line for each plot that fails."""
    found = {}
    for name, draw in pictures.items():
        try:
            found[name] = draw()
        except Exception as error:  # an error of matplotlib, its fonts or its cache must not lose the results
            reason = printable(error)[:200] or type(error).__name__
            say(f"note: {name} was not drawn: {reason}", error=True)
    return found
