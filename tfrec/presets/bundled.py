"""Find presets and recipes: bundled ones by name, others by path."""

from __future__ import annotations

import difflib
from pathlib import Path

import tfrec
from tfrec.errors import InputError
from tfrec.presets import manifest

RECIPE = "recipe.toml"


def find(preset: str | Path) -> Path:
    """The folder of a preset, by the name of a bundled preset or by path; raises `InputError` if it has no weights."""
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
        what = "was measured, but its weights are not bundled" if is_measured else "is a recipe without weights"
        how = preset if in_zoo else recipe
        raise InputError(
            f"'{recipe.parent.name}' {what}: train it with `tfrec train --data DATA --recipe {how} --out DIR` and use "
            "DIR."
        )
    known = ", ".join(sorted(bundled)) or "none"
    if folder.is_dir():
        what = f"{folder} is a folder without {manifest.NAME}."
    else:
        near = difflib.get_close_matches(folder.name.casefold(), sorted({*bundled, *_recipes()}), n=3)
        what = f"There is no preset '{preset}'." + (f" Did you mean {' or '.join(near)}?" if near else "")
    raise InputError(f"{what} Give a folder that `tfrec train` wrote, or a bundled preset: {known}.")


def zoo() -> dict[str, Path]:
    """Name -> folder of the bundled presets."""
    root = zoo_folder()
    return {path.parent.name: path.parent for path in sorted(root.rglob(manifest.NAME))} if root else {}


def find_recipe(recipe: str | Path) -> Path:
    """The file of a recipe, by the name of a bundled recipe, by the folder of a preset, or by its path.

    Raises:
        InputError: if it does not exist.

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
        raise InputError(f"The folder {path} has no {RECIPE}: give a recipe file, or the folder of a trained preset.")
    near = difflib.get_close_matches(str(recipe), bundled, n=3)
    names = f"did you mean {' or '.join(near)}?" if near else f"bundled recipes are {', '.join(sorted(bundled))}."
    raise InputError(f"'{recipe}' is neither a recipe file nor a bundled recipe: {names}")


def _recipes() -> dict[str, Path]:
    """Name -> file of all bundled recipes, with or without weights."""
    root = zoo_folder()
    return {path.parent.name: path for path in root.rglob(RECIPE)} if root else {}


def zoo_folder() -> Path | None:
    """The zoo's folder in the installed package or in a checkout; None if there is neither."""
    package = Path(tfrec.__file__).parent
    return next((path for path in (package / "zoo", package.parent / "models") if path.is_dir()), None)
