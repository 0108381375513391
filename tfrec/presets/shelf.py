"""Where presets are found: by name on the zoo's shelf, or by path."""

from __future__ import annotations

from pathlib import Path

import tfrec
from tfrec.errors import InputError
from tfrec.presets import manifest


def find(preset: str | Path) -> Path:
    """The folder of a preset, by its name in the zoo or by path; raises `InputError` where there is none."""
    shelf = zoo()
    if str(preset) in shelf:
        return shelf[str(preset)]
    folder = Path(preset)
    if (folder / manifest.NAME).is_file():
        return folder
    known = ", ".join(sorted(shelf)) or "none yet"
    what = f"{folder} is a folder without a {manifest.NAME}" if folder.is_dir() else f"There is no preset '{preset}'"
    raise InputError(f"{what}. Give a folder that `tfrec train` wrote, or a name of the zoo: {known}.")


def zoo() -> dict[str, Path]:
    """Name -> folder of the presets that come with tfrec."""
    root = zoo_folder()
    return {path.parent.name: path.parent for path in sorted(root.rglob(manifest.NAME))} if root else {}


def zoo_folder() -> Path | None:
    """Where the zoo lies: inside the installed package, or in a checkout; None where it is in neither."""
    package = Path(tfrec.__file__).parent
    return next((path for path in (package / "zoo", package.parent / "models") if path.is_dir()), None)
