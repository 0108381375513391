"""Read RecBole's atomic files: tab-separated, with typed headers such as `user_id:token`."""

import dataclasses
from pathlib import Path

import pandas as pd

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.exact_times import has_lost_digits
from tfrec.data.readers.optional import optional
from tfrec.data.readers.source import Source
from tfrec.data.readers.text_table import TextFormat, TextTable, first_line
from tfrec.data.readers.unnamed_times import notes_on_order
from tfrec.errors import InputError

_KINDS = ("token", "token_seq", "float", "float_seq")


def is_atomic(line: str) -> bool:
    """Whether a first line is a typed header."""
    return all(field.rpartition(":")[1:] in [(":", kind) for kind in _KINDS] for field in line.strip().split("\t"))


def read_atomic(path: Path, columns: Columns, form: TextFormat) -> Source:
    """Read an `.inter` file, with the `.item` and `.user` files of the same name if they exist."""
    frame, kinds = _read(path, form)
    found = columns.find(list(frame.columns), path)
    lists = [name for name in found.needed if kinds.get(name, "").endswith("_seq")]
    lists += [name for name in kinds if name == f"{found.item}_list"]
    if lists:
        raise InputError(
            f"The column '{lists[0]}' of {path} holds a list in each row, such as the history of an augmented "
            "sequence: expected one interaction per row. Use the .inter file that the sequences were made from."
        )
    notes = notes_on_order(found, list(frame.columns), frame, path)
    return with_side_files(Source(frame, found, notes=notes), path.with_suffix(""), form)


def with_side_files(source: Source, stem: Path, form: TextFormat) -> Source:
    """The source with the `.item` and `.user` files of the same name, if they exist."""
    items, of_items = optional(Path(f"{stem}.item"), lambda path: _item_table(path, form))
    users, of_users = optional(Path(f"{stem}.user"), lambda path: _read(path, form)[0])
    return dataclasses.replace(
        source,
        items=source.items if items is None else items,
        users=source.users if users is None else users,
        notes=(*source.notes, *of_items, *of_users),
    )


def _read(path: Path, form: TextFormat) -> tuple[pd.DataFrame, dict[str, str]]:
    line = first_line(path, form.encoding)
    if not is_atomic(line):
        raise InputError(
            f"{path} begins with '{line[:80]}': expected a typed header such as user_id:token, with the types "
            f"{', '.join(_KINDS)}, and tabs between columns."
        )
    fields = [field.rpartition(":") for field in line.strip().split("\t")]
    kinds = {name: kind for name, _, kind in fields}
    if len(kinds) < len(fields):
        raise InputError(f"{path} has columns of the same name: {', '.join(name for name, _, _ in fields)}.")
    numbers = [name for name, kind in kinds.items() if kind == "float"]
    table = TextTable(path, TextFormat("\t", form.encoding, quoted=False))
    frame, _ = table.read(texts=None, missing=[""])
    frame.columns = list(kinds)
    for name in numbers:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if not has_lost_digits(numbers):  # integers in texts are read exactly
            frame[name] = numbers
    return frame, kinds


def _item_table(path: Path, form: TextFormat) -> pd.DataFrame:
    """Read an `.item` file, with its columns of titles and genres renamed to title and genres."""
    table, kinds = _read(path, form)
    titles = [name for name in table.columns if name.endswith("_title")]
    if "title" not in table.columns and len(titles) == 1:
        table = table.rename(columns={titles[0]: "title"})
    classes = [name for name in ("class", "genre", "genres") if kinds.get(name) == "token_seq"]
    if len(classes) == 1:
        table[classes[0]] = table[classes[0]].str.replace(" ", "|")
        table = table.rename(columns={classes[0]: "genres"})
    return table
