"""Printing: ids, titles and file names are untrusted text and must not control a terminal."""

from __future__ import annotations

import contextlib
import re
import sys

# Control characters, line separators, marks of the writing direction, and unpaired surrogates.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_REPLACED = "\N{REPLACEMENT CHARACTER}"


def printable(text: object) -> str:
    """A text in one line without control characters: white space becomes a blank, others become �.

    Example:
        >>> printable("Alien\\x1b[31m\\n(1979)")
        'Alien�[31m (1979)'
    """
    return _CONTROL.sub(lambda found: " " if found[0].isspace() else _REPLACED, str(text))


def say(text: object = "", error: bool = False) -> None:
    """Print lines of text, each made `printable`. The package prints only through this function.

    Args:
        text: one or more lines. Make names that may contain line breaks `printable` before you insert them.
        error: print to stderr.
    """
    stream = sys.stderr if error else sys.stdout
    print("\n".join(map(printable, str(text).split("\n"))), file=stream, flush=True)


def accept_every_character() -> None:
    """Let stdout and stderr escape characters that their encoding lacks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # a stream of a test or a notebook
            stream.reconfigure(errors="backslashreplace")
