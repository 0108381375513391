r"""Quotes that are escaped by a backslash, as MySQL writes them: `"the \"real\" one"`."""

from __future__ import annotations

import re
from pathlib import Path

from tfrec.data.readers.contents import open_bytes, read_text

_CHUNK = 1 << 20
_PAIR = re.compile(r'\\(["\\])')


def text_with_doubled_quotes(path: Path, encoding: str | None, separator: str) -> str | None:
    r"""The text of a table with `""` in place of `\"`, or None if backslashes are ordinary characters.

    In a quoted field, a backslash before a quote is certainly an escape if the field continues after the quote. If a
    separator or the end of the line follows, the quote may also end the field, so this is no evidence.

    Args:
        path: the file.
        encoding: of a file that is not UTF-8.
        separator: one character.

    Raises:
        InputError: if the text cannot be decoded.
    """
    if not _holds(path, b'\\"'):
        return None
    text = read_text(path, encoding)
    mark = re.escape(separator)
    begins = rf'(?:(?<=[{mark}\n\r])|^)"'
    escape = re.compile(rf'{begins}(?:[^"\\]|""|\\[^"])*\\"[^{mark}\n\r"]')
    if escape.search(text) is None:
        return None
    field = re.compile(rf'({begins})((?:[^"\\]|""|\\.)*)(?=")', re.DOTALL)
    return field.sub(lambda found: found[1] + _doubled(found[2]), text)


def _doubled(body: str) -> str:
    return _PAIR.sub(lambda pair: '""' if pair[1] == '"' else "\\", body)


def _holds(path: Path, what: bytes) -> bool:
    """Whether a file, which may be compressed, holds some bytes."""
    with open_bytes(path) as file:
        before = b""
        while chunk := file.read(_CHUNK):
            if what in before + chunk:
                return True
            before = chunk[-len(what) + 1 :]
    return False
