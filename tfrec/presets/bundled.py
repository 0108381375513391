"""Where presets are found: by the name of a bundled preset, or by path."""

from __future__ import annotations

import difflib
from pathlib import Path

import tfrec
from tfrec.errors import InputError
from tfrec.presets import manifest

RECIPE = "recipe.toml"


def find(preset: str | Path) -> Path:
    """The folder of a preset, by its name in the zoo or by path; raises `InputError` where there are no weights."""
    bundled = zoo()
    if str(preset) in bundled:
        return bundled[str(preset)]
    folder = Path(preset)
    if (folder / manifest.NAME).is_file():
        return folder
    in_zoo = _recipes().get(str(preset))
    recipe = in_zoo or folder / RECIPE
    if recipe.is_file():
        is_measured = (recipe.parent / "metrics.json").is_file()
        what = "was measured, but its weights are not shipped" if is_measured else "is a recipe without weights"
        how = preset if in_zoo else recipe
        raise InputError(
            f"'{recipe.parent.name}' {what}: train it with `tfrec train --data DATA --recipe {how} --out DIR`, and "
            "give that folder."
        )
    known = ", ".join(sorted(bundled)) or "none yet"
    what = f"{folder} is a folder without a {manifest.NAME}" if folder.is_dir() else f"There is no preset '{preset}'"
    raise InputError(f"{what}. Give a folder that `tfrec train` wrote, or a name of the zoo: {known}.")


def zoo() -> dict[str, Path]:
    """Name -> folder of the presets that come with tfrec."""
    root = zoo_folder()
    return {path.parent.name: path.parent for path in sorted(root.rglob(manifest.NAME))} if root else {}


def find_recipe(recipe: str | Path) -> Path:
    """The file of a recipe: by the name of a bundled preset or recipe, by the folder of a preset, or by its path.

    Raises:
        InputError: where there is none.

    Example:
        >>> find_recipe("sasrec_ml1m").name
        'recipe.toml'
    """
    bundled, path = _recipes(), Path(recipe)
    if str(recipe) in bundled:
        return bundled[str(recipe)]
    found = path / RECIPE if path.is_dir() else path
    if found.is_file():
        return found
    if path.is_dir():
        raise InputError(f"The folder {path} has no {RECIPE}: give a recipe's file, or the folder of a trained preset.")
    near = difflib.get_close_matches(str(recipe), bundled, n=3)
    names = f"did you mean {' or '.join(near)}?" if near else f"bundled are {', '.join(sorted(bundled))}."
    raise InputError(f"There is no recipe '{recipe}', neither a file nor a bundled one: {names}")


def _recipes() -> dict[str, Path]:
    """Name -> recipe of all folders of the zoo, with weights or without."""
    root = zoo_folder()
    return {path.parent.name: path for path in root.rglob(RECIPE)} if root else {}


def zoo_folder() -> Path | None:
    """Where the zoo lies: inside the installed package, or in a checkout; None where it is in neither."""
    package = Path(tfrec.__file__).parent
    return next((path for path in (package / "zoo", package.parent / "models") if path.is_dir()), None)
