"""`--data PATH --user ID` and `--list-for ID`: the list of a user of a table, and how much of it the user liked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tfrec.cli.data_options import read_data, read_rows
from tfrec.errors import InputError
from tfrec.terminal import printable, say

if TYPE_CHECKING:
    from tfrec.data import Examples, FeatureSpec, Interactions
    from tfrec.measure import UserList
    from tfrec.presets import Preset

_NEWEST = 5  # items of the history that are printed
# What --data gives.
_FROM_DATA = {"history": None, "history_labels": None, "timestamps": None, "features": []}


def recommend_from_data(options: argparse.Namespace) -> None:
    """Print the list, with the label of each held-back item, and precision and recall.

    Raises:
        InputError: if no user is named, or an option says what the data says.
    """
    if options.user is None:
        raise InputError("--data needs --user ID, a user of the data.")
    if given := [name for name, default in _FROM_DATA.items() if getattr(options, name) != default]:
        raise InputError(f"--{given[0].replace('_', '-')} cannot be combined with --data: remove one of them.")
    from tfrec import presets

    presets.find(options.preset)  # before TensorFlow is imported
    from tfrec.models import RankingModel, Recommender

    preset = presets.load(options.preset, Recommender)
    columns = argparse.Namespace(**{**vars(options), "user": options.user_column})
    table = read_rows(columns) if isinstance(preset.model, RankingModel) else read_data(columns)
    say_list(preset, table, options.user, options.k, options.relevant)


def check_user(table: Interactions | Examples, user: str) -> None:
    """Raise `InputError` if the data has no such user."""
    from tfrec import measure

    measure.code_of(table, user)


def say_list(preset: Preset, table: Interactions | Examples, user: str, k: int, relevant: float | None) -> None:
    """Print the list of a user, with precision and recall over the held-back items."""
    from tfrec import measure
    from tfrec.models import RankingModel

    found, what = measure.list_for_user(preset, table, user, k, relevant), "Score"
    if isinstance(preset.model, RankingModel):
        what = "Predicted rating" if preset.model.task == "rating" else "Predicted probability of a click"
    say("\n".join(_lines(found, preset.spec, what)))


def _lines(found: UserList, spec: FeatureSpec, what: str) -> list[str]:
    """The list as text."""
    newest = "; ".join(_name(spec, item) for item in found.history[: -_NEWEST - 1 : -1])
    before = f"{len(found.history):,} items before the test part" + (f", the newest: {newest}" if newest else "")
    lines = [f"User {printable(found.user)}: {before}", f"{what}:"]
    for place, (item, score) in enumerate(zip(found.items, found.scores, strict=True), start=1):
        lines.append(f"{place:>3}.  {score:>8.3f}  {_name(spec, item)}{_held_back(found, item)}")
    if not found.items:
        lines.append("Nothing left to recommend: the user has the whole catalogue.")
    return [*lines, *_measured(found), *found.notes]


def _held_back(found: UserList, item: str) -> str:
    if item not in found.held_back:
        return ""
    label = found.held_back[item]
    return "  <- held back" + ("" if label is None else f", label {label:g}")


def _measured(found: UserList) -> list[str]:
    """Precision and recall in words."""
    rows, liked = len(found.held_back), len(found.liked)
    least = "" if found.relevant is None else f", {liked:,} of them with a label of at least {found.relevant:g}"
    held_back = f"Held back: {rows:,} item{'s' * (rows != 1)} of the user in the test part{least if rows else ''}."
    if found.precision is None:
        return [f"{held_back} Without such an item, precision and recall are undefined."]
    return [
        f"{held_back} {len(found.hits):,} of these {liked:,} are in the list.",
        f"precision@{found.k} {found.precision:.4f}, recall@{found.k} {found.recall:.4f}",
    ]


def _name(spec: FeatureSpec, item: str) -> str:
    title = spec.title_of(item)
    return printable(item if title == item else f"{title}  [{item}]")
