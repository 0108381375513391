"""Detect stray quotes: a field that starts with one extends to the next quote, over the rows in between."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Iterator, Sequence

_SAMPLE = 2000  # lines from which the values of a column are learned
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


@dataclasses.dataclass(frozen=True)
class StrayQuote:
    """A field that starts with a quote and contains other rows.

    Attributes:
        row: its row, from 1, not counting a header.
        line: the line of the file on which the field begins, from 1.
        last_line: the line on which it ends.
        column: its column, from 0.
        is_closed: whether a closing quote ends it, as it would end a text of several lines.
    """

    row: int
    line: int
    last_line: int
    column: int
    is_closed: bool


def stray_quotes(text: str, separator: str, width: int, has_header: bool) -> Iterator[StrayQuote]:
    r"""Find the quoted fields that extend over several lines but are not texts of several lines.

    Such a field is stray if its closing quote is followed by neither a separator nor the end of a line, or if one of
    its lines has as many fields as a row, with values like those of the other rows.

    Args:
        text: the whole table, with "\n" at the end of lines.
        separator: one character.
        width: number of columns.
        has_header: whether the first line is a header.

    Example:
        >>> rows = 'user,item,text\n1,a,"so\nfast, cheap"\n2,b,"good\n3,c,bad\n4,d,"fine"\n'
        >>> [(found.row, found.line, found.last_line) for found in stray_quotes(rows, ",", 3, True)]
        [(2, 4, 6)]
    """
    mark = re.escape(separator)
    field = re.compile(rf'(?:(?<=[{mark}\n])|^)"((?:[^"]|"")*)("|\Z)')
    looks = _Looks(text, separator, width)
    start, before, line, row = 0, 0, 1, 1 - has_header  # start of the unread text; separators before it in its record
    for found in field.finditer(text):
        passed = text[start : found.start()]
        breaks = passed.count("\n")
        line, row = line + breaks, row + breaks
        before = passed.count(separator) + before if not breaks else passed.rpartition("\n")[2].count(separator)
        body, closing = found.groups()
        if "\n" in body:
            rest = text[found.end() : (text + "\n").index("\n", found.end())]
            is_closed = bool(closing) and (not rest or rest.startswith(separator))
            if not is_closed or looks.hold_row(body, rest):
                yield StrayQuote(row, line, line + body.count("\n"), before, is_closed)
        line += body.count("\n")
        start = found.end()


def reads_without_quotes(text: str, separator: str, width: int) -> bool:
    """Whether a table can be read with quotes as ordinary characters: one row per line, and no quoted fields."""
    if any(line.count(separator) != width - 1 for line in text.split("\n") if line.strip()):
        return False
    mark = re.escape(separator)
    return re.search(rf'(?:(?<=[{mark}\n])|^)"[^"\n]*"(?=[{mark}\n]|\Z)', text) is None


class _Looks:
    """The form of the values of each column, learned from lines that are certainly rows."""

    def __init__(self, text: str, separator: str, width: int) -> None:
        self._separator, self._width = separator, width
        lines = [line for line in text.split("\n", _SAMPLE + 1)[1 : _SAMPLE + 1] if line.count('"') % 2 == 0]
        self._are_quoted = sum('"' in line for line in lines) > 0.9 * len(lines) > 0
        rows = [row for row in csv.reader(lines, delimiter=separator) if len(row) == width]
        self._columns = [_Column(values) for values in zip(*rows, strict=True)] or [_Column(())] * width

    def hold_row(self, body: str, rest: str) -> bool:
        """Whether a line of a field looks like a row; `rest` is what follows the field on its last line."""
        lines = body.split("\n")
        if body.count(self._separator) < self._width - 1 or self._are_quoted:
            return False
        if any(self._is_row(line.split(self._separator)) for line in lines[1:-1]):
            return True
        last = lines[-1].split(self._separator)
        # The rest after the field belongs to its row in any case, so it gives no evidence.
        return len(last) + rest.count(self._separator) == self._width and self._fit(last[:-1] or last)

    def _is_row(self, fields: list[str]) -> bool:
        return len(fields) == self._width and self._fit(fields)

    def _fit(self, fields: list[str]) -> bool:
        return all(column.fits(field) for column, field in zip(self._columns, fields, strict=False))


class _Column:
    """The form of the values of a column."""

    def __init__(self, values: Sequence[str]) -> None:
        self._are_numbers = {_NUMBER.fullmatch(value) is not None for value in values if value.strip()}
        self._have_blanks = any(" " in value for value in values)
        self._begin_blank = any(value.startswith(" ") for value in values)
        self._longest = max(map(len, values), default=1 << 20)

    def fits(self, field: str) -> bool:
        """Whether a value is similar: a number among numbers, a word among words."""
        is_number = _NUMBER.fullmatch(field) is not None
        if field.startswith(" ") and not self._begin_blank:
            return False
        if self._are_numbers and field.strip() and is_number not in self._are_numbers and not self._have_blanks:
            return False
        is_word = " " not in field or self._have_blanks or not self._are_numbers
        return is_word and len(field) <= 2 * self._longest + 8
