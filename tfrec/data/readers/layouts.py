"""Detect the layout of a file or folder. Publishers' layouts are registered here."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.contents import EXPECTED, inner_suffix
from tfrec.data.readers.frame import table_format
from tfrec.data.readers.movielens_layouts import is_1m, is_100k, read_1m, read_100k, read_latest
from tfrec.data.readers.ncf import is_ncf
from tfrec.data.readers.part_files import is_whole, other_part_sets, part_sets, read_inter, read_part_set
from tfrec.data.readers.recbole_files import is_atomic, read_atomic
from tfrec.data.readers.sequence import read_sequence_folder, read_sequences
from tfrec.data.readers.sequence_signs import check_records, is_delimited
from tfrec.data.readers.source import Source
from tfrec.data.readers.table import read_table
from tfrec.data.readers.text_table import TextFormat, first_line, first_lines
from tfrec.errors import InputError

Reader = Callable[[Columns], Source]

# The file that a publisher's folder must hold -> the function that reads the folder.
_FOLDERS: dict[str, Callable[[Path, Columns, TextFormat], Source]] = {
    "sequences.txt": read_sequence_folder,
    "ratings.csv": read_latest,
    "ratings.dat": read_1m,
    "u.data": read_100k,
}
# Files without a header that are also read alone -> whether the first line has this layout.
_ALONE = {"ratings.dat": is_1m, "u.data": is_100k}


def find_reader(path: Path, form: TextFormat | None = None) -> Reader:
    """The reader of a file or folder, a function of the column names.

    Args:
        path: the file or folder.
        form: the format of a text table, as far as it is not detected.

    Raises:
        InputError: if the path does not exist, or its layout is unknown.
        OSError: if the path cannot be read.
    """
    form = form or TextFormat()
    if not path.exists() and path.parent.is_dir() and path.name in (sets := part_sets(path.parent)):
        _check_no_format(path, form)
        return partial(read_part_set, sets[path.name], form=form)
    if not path.exists():
        raise InputError(f"{path} does not exist: {EXPECTED}, or a publisher's folder.")
    if path.is_dir():
        return _folder_reader(path, form)
    if not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder.")
    return _file_reader(path, form)


def _folder_reader(folder: Path, form: TextFormat) -> Reader:
    names = sorted(entry.name for entry in folder.iterdir())
    has_own_format = any(name in _FOLDERS and name != "ratings.csv" for name in names)
    if has_own_format or any(name.endswith(".inter") for name in names):
        _check_no_format(folder, form)
    known = {name: partial(_FOLDERS[name], folder, form=form) for name in names if name in _FOLDERS}
    if sets := part_sets(folder):
        if len(sets) == 1 and not known and not any(is_whole(name) for name in names):
            return partial(read_part_set, next(iter(sets.values())), form=form)
        several = ", ".join(sorted({*known, *(name for name in names if is_whole(name)), *sets}))
        raise InputError(
            f"{folder} holds several datasets: {several}. Pass the path of one of them; for a fixed split it is "
            f"{folder / next(iter(sets))}."
        )
    known |= {name: partial(read_atomic, folder / name, form=form) for name in names if name.endswith(".inter")}
    if len(known) == 1:
        return next(iter(known.values()))
    if known:
        raise InputError(f"{folder} holds several datasets: {', '.join(known)}. Pass the path of one of them.")
    others = other_part_sets(folder)
    if len(others) == 1:
        return partial(read_part_set, next(iter(others.values())), form=form, read=_file_reader)
    if table_format(folder, form) is not None:
        return partial(read_table, folder, form=form)
    there = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "nothing"
    raise InputError(
        f"{folder} has an unknown layout. It holds: {there}. Expected a folder with one of "
        f"{', '.join(_FOLDERS)}, *.inter, *.parquet, or train and test files. For any other table, pass the "
        "path of the file itself."
    )


def _check_no_format(path: Path, form: TextFormat) -> None:
    """Raise `InputError` if a caller describes the text format of a layout whose format is fixed."""
    if form.separator is not None or not form.header:
        raise InputError(
            f"{path} has a publisher's layout, whose separators and columns are known: omit separator=, header= "
            "and columns= (--sep, --no-header, --columns), or pass the path of another file."
        )


def _file_reader(path: Path, form: TextFormat) -> Reader:
    table = partial(read_table, path, form=form)
    if table_format(path, form) is not None:
        return table
    suffix = inner_suffix(path)
    line = first_line(path, form.encoding)
    if suffix == ".inter" or is_atomic(line) or (suffix == ".rating" and is_ncf(line)):
        _check_no_format(path, form)
        return partial(read_inter, path, form=form)
    if path.name == "ratings.csv":
        return partial(read_latest, path.parent, form=form)
    if suffix in (".csv", ".tsv") or form.separator is not None or not form.header:
        return table
    if path.name in _ALONE and _ALONE[path.name](line):
        return partial(_FOLDERS[path.name], path.parent, form=form)
    lines = [line for line in first_lines(path, form.encoding) if line.strip()]
    check_records(path, lines)
    return table if is_delimited(lines) else partial(read_sequences, path, form=form)
