"""Read fixed splits of a folder, in three layouts.

- `X.train.inter`, `X.valid.inter` and `X.test.inter`, as in RecBole's benchmark files.
- `X.train.rating` and `X.test.rating`, as in NCF's data.
- train, valid and test files of another format, such as `train.txt` and `test.txt`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.frame import TABLE_SUFFIXES
from tfrec.data.readers.ncf import read_rating
from tfrec.data.readers.recbole_files import read_atomic, with_side_files
from tfrec.data.readers.source import Source
from tfrec.data.readers.text_table import TextFormat
from tfrec.data.tables.parts import PART_NAMES
from tfrec.errors import InputError

Reader = Callable[[Columns], Source]

_PART = "part of the split"  # the column that is added
_ORDER = ("train", "valid", "test")
_FILE = re.compile(r"^(?P<stem>.+)\.(?P<part>[A-Za-z]+|part_?\d+)\.(inter|rating)$")
_SUFFIX = "|".join(map(re.escape, TABLE_SUFFIXES))
_OTHER = re.compile(rf"^((?P<stem>.+)[._-])?(?P<part>[A-Za-z]+)(?P<kind>({_SUFFIX})(\.gz)?)$")


def part_sets(folder: Path) -> dict[str, dict[str, Path]]:
    """The fixed splits of a folder: common name -> part (train, valid or test) -> file.

    Parts are called train, valid (or validation, val, dev) and test, or part1, part2 and part3 in this order. A split
    needs at least a train and a test part.
    """
    named: dict[str, dict[str, Path]] = {}
    numbered: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _FILE.match(path.name)
        if match is None:
            continue
        stem, part = match["stem"], match["part"].lower()
        if part in PART_NAMES:
            named.setdefault(stem, {}).setdefault(_ORDER[PART_NAMES[part]], path)
        elif part.startswith("part"):
            numbered.setdefault(stem, {})[int(part.removeprefix("part").lstrip("_"))] = path
    for stem, files in numbered.items():
        parts = [files[number] for number in sorted(files)]
        if len(parts) in (2, 3):
            named.setdefault(stem, dict(zip(_ORDER if len(parts) == 3 else ("train", "test"), parts, strict=True)))
    return {stem: files for stem, files in named.items() if {"train", "test"} <= set(files)}


def other_part_sets(folder: Path) -> dict[str, dict[str, Path]]:
    """The fixed splits of a folder in other formats than RecBole's: common name -> part -> file."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _OTHER.match(path.name)
        if match is not None and match["part"].lower() in PART_NAMES and path.is_file():
            part = _ORDER[PART_NAMES[match["part"].lower()]]
            found.setdefault(f"{match['stem'] or ''}*{match['kind']}", {})[part] = path
    return {name: files for name, files in found.items() if {"train", "test"} <= set(files)}


def is_whole(name: str) -> bool:
    """Whether a file name is an `.inter` file that is not part of a split.

    Example:
        >>> is_whole("ml-100k.inter"), is_whole("ml-100k.train.inter"), is_whole("ml-100k.item")
        (True, False, False)
    """
    match = _FILE.match(name)
    is_part = match is not None and (match["part"].lower() in PART_NAMES or match["part"].lower().startswith("part"))
    return name.endswith(".inter") and not is_part


def read_part_set(
    files: dict[str, Path], columns: Columns, form: TextFormat, read: Callable[[Path, TextFormat], Reader] | None = None
) -> Source:
    """Read the parts of a split as one table, with a column that names the part of each row.

    Args:
        files: part (train, valid or test) -> file.
        columns: the column names that the user gave.
        form: the format of text files.
        read: function that finds the reader of a file; None reads `.inter` and `.rating` files.

    Raises:
        InputError: if the parts have different columns.
    """
    there = {part: files[part] for part in _ORDER if part in files}
    if read is None:
        sources = {part: _read_part(path, columns, form) for part, path in there.items()}
    else:
        sources = {part: read(path, form)(columns) for part, path in there.items()}
    first = sources["train"]
    for part, source in sources.items():
        if dataclasses.replace(source.columns, notes=()) != dataclasses.replace(first.columns, notes=()):
            raise InputError(
                f"{files[part]} and {files['train']} are parts of one split but have different columns: "
                f"{', '.join(source.frame.columns)} and {', '.join(first.frame.columns)}. Use the same columns in all."
            )
    frame = pd.concat([source.frame.assign(**{_PART: part}) for part, source in sources.items()], ignore_index=True)
    if read is not None:
        return dataclasses.replace(first, frame=frame, columns=dataclasses.replace(first.columns, part=_PART))
    return _with_sides(
        dataclasses.replace(first, frame=frame, columns=dataclasses.replace(first.columns, part=_PART)),
        files["train"],
        form,
    )


def _read_part(path: Path, columns: Columns, form: TextFormat) -> Source:
    return (read_rating if path.suffix == ".rating" else read_atomic)(path, columns, form)


def read_inter(path: Path, columns: Columns, form: TextFormat) -> Source:
    """Read one `.inter` or `.rating` file; if it is part of a split, a note says how to read the split."""
    source = _read_part(path, columns, form)
    stem = next((stem for stem, files in part_sets(path.parent).items() if path in files.values()), None)
    if stem is None:
        return source
    note = f"{path.name} is one part of a fixed split: pass {path.parent / stem} to read the whole split"
    return _with_sides(dataclasses.replace(source, notes=(*source.notes, note)), path, form)


def _with_sides(source: Source, part: Path, form: TextFormat) -> Source:
    """The source with the `.item` and `.user` files of its split, if they exist."""
    return with_side_files(source, part.with_name(part.stem.rpartition(".")[0]), form)
