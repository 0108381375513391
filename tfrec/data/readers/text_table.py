"""Read delimited text: csv, tsv and similar."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import re
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tfrec.data.readers.contents import decoders, open_bytes, peek_text, read_text, undecodable
from tfrec.data.readers.escapes import text_with_doubled_quotes
from tfrec.data.readers.quotes import StrayQuote, reads_without_quotes, stray_quotes
from tfrec.data.readers.separators import BLANKS, SEP, SEP_COLUMNS, find_separator, known_separator, split_row
from tfrec.data.readers.text_ids import text_ids
from tfrec.errors import InputError

LINE_BREAK = re.compile("\r\n|\r|\n")
_STAND_INS = "\x1f\x1e\x1d\x1c"  # replacements for a separator of several characters


@dataclasses.dataclass(frozen=True)
class TextFormat:
    """The format of a text table, as far as it is not detected.

    Attributes:
        separator: separator of columns; None detects tabs, commas, semicolons, bars and `::`.
        encoding: encoding of files that are not UTF-8.
        header: whether the first line names the columns; if not, they are called "1", "2", ...
        names: names for the columns of a table without a header, in place of the numbers.
        quoted: whether fields may be in double quotes.
    """

    separator: str | None = None
    encoding: str | None = None
    header: bool = True
    names: tuple[str, ...] | None = None
    quoted: bool = True


def text_format(separator: str | None, encoding: str | None, header: bool, columns: Sequence[str] | None) -> TextFormat:
    """The format described by a caller's arguments; `columns` implies that there is no header.

    Raises:
        InputError: if `columns` is not a list of texts, or repeats a name.
    """
    if columns is None:
        return TextFormat(separator, encoding, header)
    if isinstance(columns, str) or not all(isinstance(name, str) for name in columns) or not len(columns):
        raise InputError(
            f"columns must be a list with the names of all columns, got {columns!r}: pass ['user', 'item', ...]."
        )
    names = tuple(name.strip() or str(place) for place, name in enumerate(columns, 1))
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InputError(f"columns names '{repeated[0]}' twice: use an empty name for columns that are not needed.")
    return TextFormat(separator, encoding, header=False, names=names)


class TextTable:
    """A delimited text file. Its column names have been read, its rows have not."""

    kind = "text"
    is_typed = False

    def __init__(self, path: Path, form: TextFormat) -> None:
        self.path = path
        lines = first_lines(path, form.encoding)
        given = form.separator
        self.separator = find_separator(lines, path) if given is None else known_separator(given)
        if self.separator == SEP and form.header:
            count = next(line for line in lines if line.strip()).count(SEP) + 1
            form = dataclasses.replace(form, header=False, names=SEP_COLUMNS.get(count))
        self._form = form
        try:
            self.first_row = split_row(lines, self.separator)[0]
        except csv.Error as error:
            raise InputError(f"The first line of {path} cannot be read: {error}.") from None
        if len(self.first_row) < 2:
            raise InputError(
                f"{path} has a single column, '{self.first_row[0][:80]}', with the separator {self.separator!r}: "
                "set another separator (separator=, --sep), or omit it to detect the separator."
            )
        names = self.first_row
        if not form.header:
            names = list(form.names or map(str, range(1, len(self.first_row) + 1)))
        if len(names) != len(self.first_row):
            raise InputError(
                f"{path} has {len(self.first_row)} columns in its first line: expected {len(names)}, "
                f"{self.separator.join(names)}."
            )
        self.names = names

    def read(
        self,
        columns: Collection[str] | None = None,
        ids: Collection[str] = (),
        texts: Collection[str] | None = (),
        missing: Collection[str] | None = None,
    ) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """The rows, and notes for the report; arguments as in `read_frame`."""
        options: dict[str, Any] = {"dtype": str if texts is None else dict.fromkeys([*ids, *texts], str)}
        if missing is not None:
            options |= {"na_values": list(missing), "keep_default_na": False}
        if not self._form.header:
            options |= {"header": None, "names": self.names}
        frame, notes = self._unquoted(options) if self._is_plain else self._quoted(options, ids)
        frame = frame if columns is None else frame[list(columns)]
        return frame.assign(**{name: text_ids(frame[name]) for name in ids}), notes

    @property
    def _is_plain(self) -> bool:
        """Whether quotes are ordinary characters."""
        return not self._form.quoted or (len(self.separator) > 1 and self.separator != BLANKS)

    def _unquoted(self, options: dict[str, Any], *notes: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
        return self._parse({**options, "quoting": csv.QUOTE_NONE}), notes

    def _quoted(self, options: dict[str, Any], ids: Collection[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """The rows; an unclosed quote does not absorb the rows after it."""
        notes = (f"{self.path.name}: a backslash before a quote is read as its escape",) if self._escaped else ()
        try:
            frame = self._parse(options)
        except InputError as error:
            found, text = self._stray_quotes()
            if not found:
                raise
            return self._without_quotes(options, ids, found, text, error)
        if not _run_over_lines(frame):
            return frame, notes
        found, text = self._stray_quotes()
        return self._without_quotes(options, ids, found, text) if found else (frame, notes)

    @functools.cached_property
    def _escaped(self) -> str | None:
        """The text with doubled quotes, if the file escapes quotes by backslashes."""
        if self._is_plain or self.separator == BLANKS:
            return None
        return text_with_doubled_quotes(self.path, self._form.encoding, self.separator)

    def _stray_quotes(self) -> tuple[list[StrayQuote], str]:
        if self.separator == BLANKS:
            return [], ""
        text = LINE_BREAK.sub("\n", self._escaped or read_text(self.path, self._form.encoding))
        return list(stray_quotes(text, self.separator, len(self.names), self._form.header)), text

    def _without_quotes(
        self, options: dict[str, Any], ids: Collection[str], found: list[StrayQuote], text: str, error: object = None
    ) -> tuple[pd.DataFrame, tuple[str, ...]]:
        first = found[0]
        in_ids = any(quote.column < len(self.names) and self.names[quote.column] in ids for quote in found)
        # Texts hold commas, but rarely tabs: with commas, a closed field may still be a text.
        is_clear = self.separator == "\t" or not any(quote.is_closed for quote in found)
        if is_clear and not in_ids and reads_without_quotes(text, self.separator, len(self.names)):
            return self._unquoted(
                options,
                f"{self.path.name}: a quote in line {first.line} is not closed in its row, so quotes are read as "
                "ordinary characters",
            )
        why = f" ({error})" if error else ""
        raise InputError(
            f"{self.path} has a stray quote in row {first.row} (line {first.line}): the field that begins with it ends "
            f"in line {first.last_line} and would swallow the rows in between. Double the quote or remove it{why}."
        )

    def sample(self, rows: int = 1000) -> pd.DataFrame:
        """The first rows."""
        return self.read()[0].head(rows)

    def _parse(self, options: dict[str, Any]) -> pd.DataFrame:
        settings = {"index_col": False, "low_memory": False, "sep": self.separator, **options}
        if len(self.separator) > 1 and self.separator != BLANKS:
            text = read_text(self.path, self._form.encoding)
            mark = next((mark for mark in _STAND_INS if mark not in text), None)
            if mark is None:
                raise InputError(f"{self.path} cannot be split at {self.separator!r}: it holds control characters.")
            source = io.StringIO(text.replace(self.separator, mark))
            return strictly(source, self.path, **{**settings, "sep": mark})
        if self._escaped and options.get("quoting") != csv.QUOTE_NONE:
            return strictly(io.StringIO(self._escaped), self.path, **settings)
        error = None
        for encoding in decoders(self._form.encoding):
            try:
                with open_bytes(self.path) as file:
                    return strictly(file, self.path, encoding=encoding, **settings)
            except UnicodeError as found:
                error = found
        raise undecodable(self.path, self._form.encoding, error)


def _run_over_lines(frame: pd.DataFrame) -> bool:
    """Whether a field holds a line break."""
    texts = (frame[name] for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name]))
    return any(column.astype("str").str.contains(r"[\r\n]").any() for column in texts)


def first_lines(path: Path, encoding: str | None = None) -> list[str]:
    """The lines of the first 64 KiB, without an incomplete last one; errors as in `peek`."""
    text, is_whole = peek_text(path, encoding)
    lines = LINE_BREAK.split(text)
    return lines if is_whole or len(lines) == 1 else lines[:-1]


def first_line(path: Path, encoding: str | None = None) -> str:
    """The first line that is not blank; errors as in `peek`."""
    return next(line for line in first_lines(path, encoding) if line.strip())


def strictly(source: Any, path: Path, **options: Any) -> pd.DataFrame:
    """`pandas.read_csv` in strict mode, with readable errors.

    Raises:
        InputError: if lines do not fit the header.
        UnicodeError: if the text cannot be decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(source, **options)
    except UnicodeError:
        raise
    except pd.errors.EmptyDataError:
        raise InputError(f"{path} is empty: expected a header and rows.") from None
    except pd.errors.ParserWarning:
        raise InputError(
            f"{path} has rows with more fields than its header: put fields that hold separators in quotes."
        ) from None
    except InputError:
        raise
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        why = str(error).removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")
        raise InputError(f"{path} is malformed: {why}. Every row must have as many fields as the header.") from None
