"""`X.train.rating` and `X.test.rating`, as NCF publishes its data: tabs, no header, whole numbers."""

import re
from pathlib import Path

from tfrec.data.readers.columns import Columns
from tfrec.data.readers.frame import read_frame
from tfrec.data.readers.source import Source
from tfrec.data.readers.text_table import TextFormat, first_line
from tfrec.errors import InputError

_NAMES = ("user", "item", "rating", "timestamp")
_LINE = re.compile(r"\d+\t\d+(\t\d+(\.\d+)?){0,2}\s*")


def is_ncf(line: str) -> bool:
    """Whether a line has NCF's format: user, item and optionally rating and timestamp, separated by tabs."""
    return _LINE.fullmatch(line) is not None


def read_rating(path: Path, columns: Columns, form: TextFormat) -> Source:
    """A `.rating` file. The `.negative` file next to it holds no interactions and is ignored with a note.

    Raises:
        InputError: if the first line does not have this format.
    """
    line = first_line(path, form.encoding)
    if not is_ncf(line):
        raise InputError(
            f"{path} begins with '{line[:80]}': expected user, item, rating and timestamp as numbers with tabs between."
        )
    names = _NAMES[: line.count("\t") + 1]
    found = columns.find(list(names), path)
    table = TextFormat("\t", form.encoding, header=False, names=names, quoted=False)
    frame, notes = read_frame(path, table, ids=[found.user, found.item])
    stem = path.stem.rpartition(".")[0]
    negative_files = sorted(one.name for one in path.parent.iterdir() if one.suffix == ".negative")
    negatives = [name for name in negative_files if name.startswith(f"{stem}.")]
    if negatives:
        why = "it lists sampled negatives; tfrec ranks all items, or draws its own negatives (SampledNegatives)"
        notes = (*notes, f"{negatives[0]} is ignored: {why}")
    return Source(frame, found, notes=notes)
