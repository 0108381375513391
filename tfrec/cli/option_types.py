"""Argument types for argparse, which check values before any file is read."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path

MOST = 2**31 - 1  # default upper limit of whole numbers
_LONGEST_NAME = 255  # bytes, on common file systems


def whole(least: int = 1, most: int = MOST) -> Callable[[str], int]:
    """Argument type of whole numbers from `least` to `most`, both included."""

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
    """Argument type of finite numbers.

    Args:
        least: smallest allowed value.
        most: largest allowed value.
        above: exclusive lower limit.
        missing: allow nan, which means that the number is unknown.
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


def raw_id(text: str) -> str:
    """Argument type of raw ids."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected an id, got an empty text: leave the option out for an unknown user")
    return text


def path(text: str) -> str:
    """Argument type of paths: a valid name of a file or folder, which need not exist."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected a path, got an empty text")
    if "\0" in text:
        raise argparse.ArgumentTypeError(f"expected a path, got {_short(text)}, which contains a NUL character")
    try:
        longest = max(len(os.fsencode(part)) for part in Path(text).parts or ("",))
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(
            f"expected a path, got {_short(text)}, which is not a valid file name"
        ) from None
    if longest > _LONGEST_NAME or len(os.fsencode(text)) > 4000:
        raise argparse.ArgumentTypeError(f"expected a path, got one that is too long: {_short(text)}")
    return text


def existing(text: str) -> str:
    """Argument type of paths that must exist."""
    try:
        Path(path(text)).stat()
    except FileNotFoundError:
        raise argparse.ArgumentTypeError(f"{text} does not exist") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error.strerror}") from None
    return text


def dataset(text: str) -> str:
    """Argument type of data: an existing path, or X for the files X.train.inter and X.test.inter of a fixed split."""
    whole = Path(path(text))
    try:
        if not whole.exists() and any(
            one.name.startswith(f"{whole.name}.") and one.suffix == ".inter" for one in whole.parent.iterdir()
        ):
            return text
    except OSError:
        pass  # `existing` raises the error
    return existing(text)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
