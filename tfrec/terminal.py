"""What is printed for people: ids, titles and names of files come from elsewhere, and must not control a terminal."""

from __future__ import annotations

import contextlib
import re
import sys

# Control characters, separators of lines, marks that turn the direction of writing, and halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_REPLACED = "\N{REPLACEMENT CHARACTER}"


def printable(text: object) -> str:
    """A text in one line, without characters that a terminal acts on: white space becomes a blank, the others �.

    Example:
        >>> printable("Alien\\x1b[31m\\n(1979)")
        'Alien�[31m (1979)'
    """
    return _CONTROL.sub(lambda found: " " if found[0].isspace() else _REPLACED, str(text))


def say(text: object = "", error: bool = False) -> None:
    """Print lines of text, each of them made `printable`. All that the package prints goes through here.

    Args:
        text: one line or several. A name that may hold a line break is made printable before it is put in.
        error: print to the standard error stream.
    """
    stream = sys.stderr if error else sys.stdout
    print("\n".join(map(printable, str(text).split("\n"))), file=stream, flush=True)


def accept_every_character() -> None:
    """Let the standard streams write what their encoding lacks as an escape, where they would raise an error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # a stream that a test or a notebook has put there
            stream.reconfigure(errors="backslashreplace")
