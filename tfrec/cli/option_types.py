"""Types of options: what can be told of a value without reading anything is told at once."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path

MOST = 2**31 - 1  # the largest whole number that an option takes where it has no limit of its own
_LONGEST_NAME = 255  # bytes, on the file systems that are in use


def whole(least: int = 1, most: int = MOST) -> Callable[[str], int]:
    """A type of whole numbers between two limits, both included."""

    def read(text: str) -> int:
        try:
            number = int(text) if len(text) < 100 else None
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(
                f"invalid int value {_short(text)}: expected a whole number of at least {least}"
                + (f" and at most {most:,}" if number is not None and number > most else "")
            )
        return number

    return read


def number(
    least: float = -math.inf, most: float = math.inf, above: float = -math.inf, missing: bool = False
) -> Callable[[str], float]:
    """A type of finite numbers.

    Args:
        least: the smallest.
        most: the largest.
        above: what it must be larger than.
        missing: whether nan is allowed, which says that the number is unknown.
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.inf
        if missing and math.isnan(value):
            return value
        if not (math.isfinite(value) and least <= value <= most and value > above):
            limits = [f"of at least {least:g}"] * math.isfinite(least) + [f"above {above:g}"] * math.isfinite(above)
            limits += [f"of at most {most:g}"] * math.isfinite(most)
            wanted = f"a number {' and '.join(limits)}" if limits else "a finite number"
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {_short(text)}")
        return value

    return read


def path(text: str) -> str:
    """A type of paths: a text that can be the name of a file or folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected a path, got an empty text")
    if "\0" in text:
        raise argparse.ArgumentTypeError(f"expected a path, got {_short(text)}, which holds a NUL character")
    try:
        longest = max(len(os.fsencode(part)) for part in Path(text).parts or ("",))
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"expected a path, got {_short(text)}, which no file can be called") from None
    if longest > _LONGEST_NAME or len(os.fsencode(text)) > 4000:
        raise argparse.ArgumentTypeError(f"expected a path, got one that is too long: {_short(text)}")
    return text


def existing(text: str) -> str:
    """A type of paths at which something must be."""
    try:
        Path(path(text)).stat()
    except FileNotFoundError:
        raise argparse.ArgumentTypeError(f"there is nothing at {text}") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error.strerror}") from None
    return text


def dataset(text: str) -> str:
    """A type of paths of data: something is there, or the name X of a fixed split, X.train.inter and X.test.inter."""
    whole = Path(path(text))
    try:
        if not whole.exists() and any(
            one.name.startswith(f"{whole.name}.") and one.suffix == ".inter" for one in whole.parent.iterdir()
        ):
            return text
    except OSError:
        pass  # `existing` says what is wrong
    return existing(text)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
