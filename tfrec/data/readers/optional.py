"""Read optional side files: an unusable one is ignored, with a note."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tfrec.errors import InputError

Read = TypeVar("Read")


def optional(path: Path, read: Callable[[Path], Read]) -> tuple[Read | None, tuple[str, ...]]:
    """The result of a reader for a side file, or None if the file does not exist or cannot be read.

    So an unusable side file does not prevent reading the interactions of a folder. Files that the user names are read
    without this function, and raise their errors.

    Args:
        path: the side file.
        read: its reader.

    Returns:
        the result of the reader, and a note for the report if the file is ignored.
    """
    if not path.is_file():
        return None, ()
    try:
        return read(path), ()
    except InputError as error:
        return None, (f"{path.name} is ignored: {error}",)
    except OSError as error:
        return None, (f"{path.name} is ignored: it cannot be read ({error.strerror or error})",)
