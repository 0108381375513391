"""Side files that happen to lie beside the data: one that cannot be used is left aside, with a note."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tfrec.errors import InputError

Read = TypeVar("Read")


def optional(path: Path, read: Callable[[Path], Read]) -> tuple[Read | None, tuple[str, ...]]:
    """What a reader gives for a side file, or None if the file is not there or cannot be read.

    A folder whose interactions can be read is not stopped by such a file. A file that the user names is another matter:
    it is read without this function.

    Args:
        path: the side file.
        read: its reader.

    Returns:
        what was read, and a note for the report if the file is left aside.
    """
    if not path.is_file():
        return None, ()
    try:
        return read(path), ()
    except InputError as error:
        return None, (f"{path.name} is left aside: {error}",)
    except OSError as error:
        return None, (f"{path.name} is left aside: it cannot be read ({error.strerror or error})",)
