"""Where presets are found: by name on the zoo's shelf, or by path."""

from __future__ import annotations

from pathlib import Path

import tfrec
from tfrec.errors import InputError
from tfrec.presets import manifest

RECIPE = "recipe.toml"


def find(preset: str | Path) -> Path:
    """The folder of a preset, by its name in the zoo or by path; raises `InputError` where there are no weights."""
    shelf = zoo()
    if str(preset) in shelf:
        return shelf[str(preset)]
    folder = Path(preset)
    if (folder / manifest.NAME).is_file():
        return folder
    recipe = _recipes().get(str(preset), folder / RECIPE)
    if recipe.is_file():
        is_measured = (recipe.parent / "metrics.json").is_file()
        what = "was measured, but its weights are not shipped" if is_measured else "is a recipe without weights"
        raise InputError(
            f"'{recipe.parent.name}' {what}: train it with `tfrec train --data DATA --recipe {recipe} --out DIR`, and "
            "give that folder."
        )
    known = ", ".join(sorted(shelf)) or "none yet"
    what = f"{folder} is a folder without a {manifest.NAME}" if folder.is_dir() else f"There is no preset '{preset}'"
    raise InputError(f"{what}. Give a folder that `tfrec train` wrote, or a name of the zoo: {known}.")


def zoo() -> dict[str, Path]:
    """Name -> folder of the presets that come with tfrec."""
    root = zoo_folder()
    return {path.parent.name: path.parent for path in sorted(root.rglob(manifest.NAME))} if root else {}


def _recipes() -> dict[str, Path]:
    """Name -> recipe of all folders of the zoo, with weights or without."""
    root = zoo_folder()
    return {path.parent.name: path for path in root.rglob(RECIPE)} if root else {}


def zoo_folder() -> Path | None:
    """Where the zoo lies: inside the installed package, or in a checkout; None where it is in neither."""
    package = Path(tfrec.__file__).parent
    return next((path for path in (package / "zoo", package.parent / "models") if path.is_dir()), None)
