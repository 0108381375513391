"""`tfrec train`: train a model on a table of interactions and write a preset."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from tfrec.cli.baseline_options import add_baseline_argument, check_no_baseline
from tfrec.cli.data_options import add_data_arguments, read_data, read_rows
from tfrec.cli.list_for_user import check_user, say_list
from tfrec.cli.option_types import number, path, raw_id, whole
from tfrec.cli.own_modules import import_options
from tfrec.errors import InputError
from tfrec.terminal import say

if TYPE_CHECKING:
    from tfrec.training import RankingRecipe, Recipe

_OVERRIDES = ("epochs", "batch_size", "max_length", "seed", "patience")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_data_arguments(parser)
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder where the preset is written")
    parser.add_argument(
        "--recipe",
        type=path,
        metavar="RECIPE",
        help="a TOML file, a preset folder, or the name of a bundled preset (a medium-sized SASRec; with --label, an "
        "AutoInt)",
    )
    add_baseline_argument(parser, default="popularity item-to-item")
    for name in _OVERRIDES:
        kind = whole(0, 2**32 - 1) if name == "seed" else whole()
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=f"the recipe's {name}")
    parser.add_argument(
        "--list-for",
        type=raw_id,
        metavar="USER",
        help="afterwards, list 10 items for this user of the data, with precision and recall over the user's test rows",
    )
    parser.add_argument(
        "--relevant",
        type=number(),
        metavar="X",
        help="with --list-for: the lowest rating or label of an item that the user liked (as in tfrec recommend)",
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="delete the state of an interrupted run in DIR.partial and start again (continue the run)",
    )


def run(options: argparse.Namespace) -> None:
    """Read the data and carry out the recipe."""
    from tfrec import presets

    recipe_file = presets.find_recipe(options.recipe) if options.recipe else None  # before TensorFlow is imported
    from tfrec import runner
    from tfrec.data.batches.given_attention import OWN as RATINGS
    from tfrec.training import RankingRecipe, checkpoints

    if options.relevant is not None and options.list_for is None:
        raise InputError("--relevant needs --list-for USER.")
    out = presets.check_target(options.out)
    partial = out.with_name(f"{out.name}.partial")
    if options.restart:
        checkpoints.discard(partial)
    recipe, text = _read_recipe(options, recipe_file)
    ranks = isinstance(recipe, RankingRecipe)
    if ranks:
        check_no_baseline(options)
    baselines = {"baselines": options.baseline} if options.baseline else {}
    column = recipe.joint_loss.column
    context = [column] if column and column not in RATINGS else []
    table = read_rows(options, context) if ranks else read_data(options, context)
    if options.list_for is not None:
        check_user(table, options.list_for)  # before anything is trained
    if recipe_file is None and not ranks and (loss := runner.default_recipe(table).loss) != recipe.loss:
        say(f"{table.num_items:,} items: training with sampled negatives. A recipe can name another loss.\n")
        recipe = dataclasses.replace(recipe, loss=loss)
    try:
        done = runner.run(table, recipe, options.out, recipe_text=text, checkpoint=partial, **baselines)
    except KeyboardInterrupt:
        if partial.exists():
            raise KeyboardInterrupt(f"the same command continues from {partial}") from None
        raise
    if options.list_for is not None:
        say_list(presets.load(out), table, options.list_for, 10, options.relevant)
    imports = import_options(options.imports)
    if ranks:
        say(f"\nNext:\n  tfrec export --ranking {options.out} served/{imports}")
        return
    reads = done.training.model.input_names
    inputs = ("--user ..." if "user" in reads else "--history ...") + " --timestamps ..." * ("timestamps" in reads)
    say(f"\nNext:\n  tfrec recommend {options.out} {inputs}{imports}\n  tfrec export {options.out} served/{imports}")


def _read_recipe(options: argparse.Namespace, file: Path | None) -> tuple[Recipe | RankingRecipe, str | None]:
    """The recipe with the command line's overrides, and the text of its file if nothing is overridden."""
    from tfrec.training import RankingRecipe, Recipe, load_recipe

    if file is not None:
        recipe = load_recipe(file, labelled=options.label is not None)
    else:
        recipe = RankingRecipe() if options.label else Recipe()
    ranks = isinstance(recipe, RankingRecipe)
    overrides = {name: getattr(options, name) for name in _OVERRIDES if getattr(options, name) is not None}
    if ranks and "max_length" in overrides:
        raise InputError(
            f"--max-length needs a retrieval model, but this recipe's model.class is '{recipe.model['class']}': set "
            "max_length in the recipe's [history]."
        )
    if options.label and not ranks:
        raise InputError(f"--label needs a ranking model, but this recipe's model.class is '{recipe.model['class']}'.")
    if overrides:
        return dataclasses.replace(recipe, **overrides), None
    return recipe, file.read_text(encoding="utf-8") if file is not None else None
