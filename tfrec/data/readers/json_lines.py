"""Read JSON lines: one object per line, whose keys are the columns. Python dicts are read, too."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from tfrec.data.readers.contents import decoders, open_bytes, undecodable
from tfrec.data.readers.text_table import first_lines
from tfrec.errors import InputError

_EXACT = 2**53  # integers up to here are exact as floats


class JsonLines:
    """A JSON lines file. Its column names have been read, its rows have not. Values keep their types."""

    kind = "JSON lines"
    is_typed = True

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self._encoding = encoding
        lines = enumerate(first_lines(path, encoding), 1)
        self._first = [_row(line, number, path) for number, line in lines if line.strip()]
        self.names = list(dict.fromkeys(name for row in self._first for name in row))

    def read(
        self,
        columns: Collection[str] | None = None,
        ids: Collection[str] = (),
        texts: Collection[str] | None = (),
        missing: Collection[str] | None = None,
    ) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """The rows; keys that an object lacks are missing values. Arguments as in `read_frame`."""
        error = None
        for encoding in decoders(self._encoding):
            try:
                return self._read(columns, encoding), ()
            except UnicodeError as found:
                error = found
        raise undecodable(self.path, self._encoding, error)

    def _read(self, columns: Collection[str] | None, encoding: str) -> pd.DataFrame:
        found: dict[str, list[Any]] = {} if columns is None else {name: [] for name in columns}
        count = 0
        with open_bytes(self.path) as file, io.TextIOWrapper(file, encoding=encoding) as text:
            for number, line in enumerate(text, 1):
                if not line.strip():
                    continue
                row = _row(line, number, self.path)
                if columns is None:
                    for name in row:
                        found.setdefault(name, [None] * count)
                for name, values in found.items():
                    values.append(row.get(name))
                count += 1
        return pd.DataFrame({name: _column(values) for name, values in found.items()})

    def sample(self, rows: int = 1000) -> pd.DataFrame:
        """The first rows."""
        return pd.DataFrame({name: _column([row.get(name) for row in self._first[:rows]]) for name in self.names})


def is_json(line: str) -> bool:
    """Whether a first line begins like JSON."""
    return line.lstrip().startswith(("{", "["))


def _row(line: str, number: int, path: Path) -> dict[str, Any]:
    way_out = (
        "expected one object per line (JSON lines). Convert it with pandas: "
        'pandas.read_json(...).to_json(..., orient="records", lines=True).'
    )
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        if line.lstrip().startswith(("{'", "{u'", '{u"')):
            return _python_dict(line, number, path)
        if line.strip() == "{":
            raise InputError(
                f"Line 1 of {path} is not JSON by itself, so the file is one document of several lines: expected one "
                "object per line (JSON lines), each an interaction. pandas.json_normalize converts nested lists to a "
                "table."
            ) from None
        if line.lstrip().startswith("["):
            raise InputError(f"{path} looks like a JSON list: {way_out}") from None
        raise InputError(f"Line {number} of {path} is not JSON ({error}): {way_out}") from None
    if not isinstance(row, dict):
        raise InputError(f"Line {number} of {path} is a JSON {type(row).__name__}: {way_out}")
    return row


def _python_dict(line: str, number: int, path: Path) -> dict[str, Any]:
    """Parse a line with a Python dict of literals."""
    try:
        row = ast.literal_eval(line.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        why = getattr(error, "msg", None) or type(error).__name__
        raise InputError(
            f"Line {number} of {path} begins like a Python dict but cannot be read as one ({why}): expected one "
            "object per line (JSON lines)."
        ) from None
    if not isinstance(row, dict) or not all(isinstance(name, str) for name in row):
        raise InputError(f"Line {number} of {path} is not an object with texts as keys: expected JSON lines.")
    return row


def _column(values: list[Any]) -> pd.Series:
    column = pd.Series(values, dtype=object)
    # Integers with gaps would become floats, and large ids would lose digits.
    if any(isinstance(value, int) and abs(value) > _EXACT for value in values):
        return column
    return column.infer_objects()
