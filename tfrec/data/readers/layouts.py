"""What a path is, told by what is in it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tfrec.data.readers.atomic import is_atomic, read_atomic
from tfrec.data.readers.columns import Columns
from tfrec.data.readers.known_names import is_known
from tfrec.data.readers.movielens import read_1m, read_100k, read_latest
from tfrec.data.readers.sequence import read_sequence_folder, read_sequences
from tfrec.data.readers.source import Source
from tfrec.data.readers.table import is_parquet, read_parquet_table, read_text_table
from tfrec.data.readers.text import first_line
from tfrec.errors import InputError

Reader = Callable[[Columns], Source]

# What a folder must hold -> how it is read.
_FOLDERS: dict[str, Callable[[Path, Columns], Source]] = {
    "sequences.txt": read_sequence_folder,
    "ratings.csv": read_latest,
    "ratings.dat": read_1m,
    "u.data": read_100k,
}


def find_reader(path: Path) -> Reader:
    """The reader of a file or folder, waiting for the names of columns.

    Raises:
        InputError: where there is nothing at the path, or nothing that is known.
        OSError: where it cannot be looked at.
    """
    if not path.exists():
        raise InputError(
            f"There is nothing at {path}: expected a csv, tsv or parquet file, sequences, or a publisher's folder."
        )
    if path.is_dir():
        return _folder_reader(path)
    if not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder.")
    return _file_reader(path)


def _folder_reader(folder: Path) -> Reader:
    names = sorted(entry.name for entry in folder.iterdir())
    known = {name: partial(_FOLDERS[name], folder) for name in names if name in _FOLDERS}
    known |= {name: partial(read_atomic, folder / name) for name in names if name.endswith(".inter")}
    if len(known) == 1:
        return next(iter(known.values()))
    if known:
        raise InputError(f"{folder} holds several data sets: {', '.join(known)}. Give the path of one of them.")
    there = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "nothing"
    raise InputError(
        f"{folder} has no layout that is known. It holds: {there}. Known are folders with one of "
        f"{', '.join(_FOLDERS)} or *.inter. For any other table give the path of the file itself."
    )


def _file_reader(path: Path) -> Reader:
    if is_parquet(path):
        return partial(read_parquet_table, path)
    line = first_line(path)
    suffix = path.suffix.lower()
    if line.lstrip().startswith(("{", "[")):
        raise InputError(f"{path} looks like JSON: expected a csv, tsv or parquet file, or sequences. Convert it.")
    if suffix == ".inter" or is_atomic(line):
        return partial(read_atomic, path)
    if suffix in (".csv", ".tsv"):
        return partial(read_text_table, path, separator="\t" if suffix == ".tsv" else ",")
    if path.name in _FOLDERS and path.name != "sequences.txt":
        return partial(_FOLDERS[path.name], path.parent)
    if "," in line and path.name != "sequences.txt":
        return partial(read_text_table, path, separator=",")
    if "\t" in line and _is_header(line.split("\t")):
        return partial(read_text_table, path, separator="\t")
    return partial(read_sequences, path)


def _is_header(fields: list[str]) -> bool:
    return any(is_known(field) for field in fields)
