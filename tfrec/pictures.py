"""How pictures are drawn: texts stay literal, fonts come with matplotlib, and a picture costs nothing but itself."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tfrec.errors import InputError
from tfrec.terminal import printable, say

NEEDS_MATPLOTLIB = "Pictures need matplotlib: pip install 'tfrec[plot]'."
# Titles may hold "$" and "\", which begin formulas; a user's matplotlibrc may ask for LaTeX, or for a missing font.
_SETTINGS = {
    "text.usetex": False,
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "axes.formatter.use_mathtext": False,
}


@contextmanager
def drawing() -> Iterator[Any]:
    """`matplotlib.pyplot` with the settings of our pictures.

    Raises:
        InputError: where matplotlib is not installed, or cannot be imported.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise InputError(f"{NEEDS_MATPLOTLIB} Importing it failed: {error}") from error
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a title in a script that the font lacks
        yield pyplot


def png(figure: Any) -> bytes:
    """A figure as a file."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return image.getvalue()


def drawn(pictures: Mapping[str, Callable[[], bytes]]) -> dict[str, bytes]:
    """The pictures that can be drawn, by name; one line says why each of the others is missing."""
    found = {}
    for name, draw in pictures.items():
        try:
            found[name] = draw()
        except Exception as error:  # whatever matplotlib, its fonts or its cache raise: the results are worth more
            reason = printable(error)[:200] or type(error).__name__
            say(f"note: {name} was not drawn: {reason}", error=True)
    return found
