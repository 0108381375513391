"""How the rows of a table are parted to measure a model: as the recipe of the model splits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfrec import evaluation, presets
from tfrec.data import Examples, Holdout, Interactions
from tfrec.errors import InputError
from tfrec.training import RankingRecipe, Recipe


@dataclasses.dataclass(frozen=True)
class RetrievalParts:
    """The rows of a retrieval model, split as its recipe splits.

    Attributes:
        train: the training rows.
        holdout: the test part: relevant targets, of the users who are ranked for.
        split_notes: remarks on the split.
        user_notes: a remark on users without targets.
        drawn: the fields of a `Report` that say which targets and users were taken.
    """

    train: Interactions
    holdout: Holdout
    split_notes: tuple[str, ...]
    user_notes: tuple[str, ...]
    drawn: dict[str, Any]


def retrieval_recipe(preset: presets.Preset) -> Recipe:
    """The recipe of a retrieval preset; the default if the model was saved from Python, without one."""
    path = preset.folder / "recipe.toml"
    return Recipe.load(path) if path.exists() else Recipe()


def retrieval_parts(
    recipe: Recipe, table: Interactions, relevant: float | None = None, max_users: int | None = None
) -> RetrievalParts:
    """Interactions, split as a recipe splits, or as the table comes split.

    Args:
        recipe: of the model that is measured.
        table: the rows.
        relevant: lowest weight of a target; None takes all held-back items.
        max_users: keep so many users, drawn at random; None keeps all.

    Raises:
        InputError: if no held-back row is relevant, or an argument is invalid.
    """
    rule = recipe.with_split_of(table).build_split()
    train, _, holdout = table.split(rule)
    holdout = evaluation.liked_targets(holdout, relevant)
    there = holdout.targets.num_users
    left = table.num_users - there
    untested = f"Not evaluated: {left:,} of {table.num_users:,} users, who {rule.untested}."
    holdout = evaluation.some_users(holdout, max_users)
    drawn = {"relevant": relevant, "drawn_from": there if holdout.targets.num_users < there else None}
    split_notes = tuple(filter(None, [recipe.split_note(table)]))
    return RetrievalParts(train, holdout, split_notes, (untested,) if relevant is None and left else (), drawn)


@dataclasses.dataclass(frozen=True)
class RankingParts:
    """The rows of a ranking preset, split as its recipe splits.

    Attributes:
        recipe: the preset's recipe, with the split of the table if it has one.
        examples: all rows.
        train: the training rows.
        test: the test rows.
        known: the rows from which histories of labelled rows are built.
        before: the rows from which histories of requests for a list are built, none of them a test row.
        seen: training and validation rows: what users had before the test.
        notes: remarks that are needed to interpret numbers on these rows.
    """

    recipe: RankingRecipe
    examples: Examples
    train: Examples
    test: Examples
    known: Examples
    before: Examples
    seen: Examples
    notes: tuple[str, ...]


def ranking_parts(preset: presets.Preset, table: Interactions | Examples, all_rows: bool = False) -> RankingParts:
    """Labelled rows of a table, split as the recipe of a ranking preset splits.

    Args:
        preset: of a ranking model.
        table: labelled rows, or interactions with ratings.
        all_rows: build histories from all rows, for rows to predict.

    Raises:
        InputError: if the preset has no recipe, or the table does not match it.
    """
    path = preset.folder / "recipe.toml"
    if not path.exists():
        raise InputError(
            f"{preset.folder} has no recipe.toml, so the labels and the split of its rows are unknown: add one, or use "
            "tfrec.evaluation.evaluate_labelled and evaluate_catalogue in Python."
        )
    recipe = RankingRecipe.load(path).with_split_of(table)
    examples = recipe.build_examples(table, all_known=all_rows)
    rule = recipe.build_split()
    split, is_test = examples.split(rule), rule.masks(examples.times, len(examples), examples.parts)[1]
    known, seen = recipe.known_rows(examples, split.train), examples.take(~is_test)
    before = split.train if known is split.train else seen
    notes = (*filter(None, [recipe.split_note(table)]), *other_data(preset.metrics, table))
    known = examples if all_rows else known
    return RankingParts(recipe, examples, split.train, split.test, known, before, seen, notes)


def scores_items(preset: presets.Preset, rows: Examples) -> bool:
    """Whether a ranking preset can rank a catalogue for the users of some rows."""
    reads = {one["name"] for one in preset.model.features if one["group"] == "item"} & {*preset.model.input_names}
    return bool(preset.spec.num_items and reads) and rows.user_codes is not None and rows.item_codes is not None


def other_data(metrics: Mapping[str, Any], table: Interactions | Examples) -> tuple[str, ...]:
    """A warning if the rows differ from the training data, so that the split differs too.

    Args:
        metrics: of the preset.
        table: the rows.
    """
    trained_on = metrics.get("training", {}).get("data_sha256")
    if trained_on in (None, table.sha256()):
        return ()
    return (
        "Warning: these are not the rows that the preset was trained on. The split was drawn again, so the test part "
        "may contain training rows.",
    )
