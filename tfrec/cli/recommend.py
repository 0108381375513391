"""`tfrec recommend`: recommend items for a history of titles or ids."""

from __future__ import annotations

import argparse
import difflib
from typing import TYPE_CHECKING

from tfrec.cli.data_options import add_data_arguments
from tfrec.cli.list_for_user import recommend_from_data
from tfrec.cli.option_types import number, path, raw_id, whole
from tfrec.errors import InputError
from tfrec.terminal import printable, say

if TYPE_CHECKING:
    from tfrec.data import FeatureSpec
    from tfrec.presets import Preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("preset", type=path, metavar="PRESET", help="name of a bundled preset, or a folder")
    parser.add_argument(
        "--history",
        nargs="*",
        metavar="ITEM",
        help="titles or ids, oldest first, which are not recommended again; without items and without a known --user, "
        "the most popular items are recommended",
    )
    parser.add_argument(
        "--user", type=raw_id, metavar="ID", help="the user's id, for a model that reads it, or with --data"
    )
    parser.add_argument(
        "--history-labels",
        nargs="+",
        type=number(missing=True),
        metavar="N",
        help="for ranking models: the label of each item of the history, such as its rating; nan if unknown",
    )
    parser.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="features of the user, or for ranking models also of the context, such as age=34; others are missing",
    )
    parser.add_argument(
        "--timestamps",
        nargs="+",
        metavar="TIME",
        help="time of each item of the history, for models that read times: Unix seconds or ISO 8601 dates",
    )
    parser.add_argument("--k", type=whole(), default=10, metavar="N", help="number of recommendations (10)")
    parser.add_argument(
        "--relevant",
        type=number(),
        metavar="X",
        help="with --data: the lowest rating or label of a held-back item that counts as liked (as in tfrec evaluate)",
    )
    add_data_arguments(parser, required=False, user="--user-column")


def run(options: argparse.Namespace) -> None:
    """Print the history as it was understood, and the ranked items."""
    from tfrec import presets

    if options.data is not None:
        recommend_from_data(options)
        return
    if options.relevant is not None:
        raise InputError("--relevant needs --data, with held-back rows.")
    if options.history is None and options.user is None and not options.features:
        raise InputError(
            "Name a history, --history ITEM ..., or for a model that reads user ids --user ID; or the rows of a user, "
            "--data PATH --user ID."
        )
    presets.find(options.preset)  # before TensorFlow is imported
    from tfrec import serving
    from tfrec.cli.explain import read_features
    from tfrec.models import RankingModel, Recommender

    preset = presets.load(options.preset, Recommender)
    if isinstance(preset.model, RankingModel):
        _recommend_by_ranking(preset, options)
        return
    for name in ("features", "history_labels"):
        if getattr(options, name) and not (name == "features" and preset.model.optional_inputs):
            raise InputError(f"--{name.replace('_', '-')} needs a ranking model, and this preset is a retrieval model.")
    history = find_items(preset.spec, options.history or [])
    timestamps = None if options.timestamps is None else [read_times(options.timestamps, options.date_format)]
    users = None if options.user is None else [options.user]
    given = {name: [value] for name, value in read_features(preset.model, preset.spec, options.features).items()}
    ids, scores = serving.recommend(
        preset.model, preset.spec, [history], options.k, timestamps, users=users, features=given
    )
    is_user = users is not None and options.user in preset.spec.users
    if users is not None:
        say(f"User: {printable(options.user)}{'' if is_user else ', who is not in the training data'}")
    names = "; ".join(_name(preset.spec, item) for item in history)
    if is_user:  # the preset holds no user's history
        names = names or "not given, so items that the user already has may follow; give them with --history"
    nothing = "not given" if given else "empty, so the most popular items follow"
    say(f"History: {names or nothing}")
    if not ids[0][0]:
        say("Nothing left to recommend: the history contains the whole catalogue.")
    for place, (item, score) in enumerate(zip(ids[0], scores[0], strict=True), start=1):
        if item:
            say(f"{place:>3}.  {score:>8.3f}  {_name(preset.spec, item)}")
    listed = sum(map(bool, ids[0]))
    if 0 < listed < options.k:
        say(
            f"Only {listed:,} of {options.k:,} items: the catalogue has {preset.spec.num_items:,}, and items of the "
            "history are excluded.",
            error=True,
        )


def _recommend_by_ranking(preset: Preset, options: argparse.Namespace) -> None:
    """Score the whole catalogue without the history, and print the best items."""
    import numpy as np

    from tfrec import serving
    from tfrec.cli.explain import read_features

    model, spec = preset.model, preset.spec
    if not spec.num_items:
        raise InputError(f"{options.preset} has no items, so there is nothing to recommend.")
    if options.timestamps is not None:
        raise InputError("--timestamps needs a retrieval model that reads times, and this preset is a ranking model.")
    history = find_items(spec, options.history or [])
    labels = options.history_labels
    if labels is not None and len(labels) != len(history):
        raise InputError(f"--history-labels needs one number for each of {len(history)} items, got {len(labels)}.")
    features = read_features(model, spec, options.features, options.user)
    seen = set(history)
    candidates = [item for item in spec.items.tokens.tolist() if item not in seen]
    given = {name: [value] for name, value in features.items()}
    scores = serving.rank(model, spec, [candidates], [history], given, None if labels is None else [labels])[0]
    what = "predicted rating" if model.task == "rating" else "predicted probability of a click"
    say(f"History: {'; '.join(_name(spec, item) for item in history) or 'empty'}\n{what.capitalize()}:")
    for place, at in enumerate(np.argsort(-scores, kind="stable")[: options.k], start=1):
        say(f"{place:>3}.  {scores[at]:>8.3f}  {_name(spec, candidates[at])}")


def find_items(spec: FeatureSpec, names: list[str]) -> list[str]:
    """The raw ids of items that are named by id or title.

    Raises:
        InputError: if a name is neither an id nor a title; the message lists the nearest ones.
    """
    titles = spec.titles or []
    by_title: dict[str, str] = {}
    for token, title in zip(spec.items.tokens, titles, strict=False):
        if title:
            by_title.setdefault(title.casefold(), token)  # the most popular item wins if titles are equal
    found = []
    for name in names:
        if name in spec.items:
            found.append(name)
        elif name.casefold() in by_title:
            found.append(by_title[name.casefold()])
        else:
            raise InputError(_unknown(spec, name, titles))
    return found


def read_times(times: list[str], date_format: str | None = None) -> list[int]:
    """Seconds since 1970 from numbers or dates.

    Raises:
        InputError: if a time is neither a number nor a date.
    """
    import pandas as pd

    from tfrec.data.tables.calendar_times import is_missing
    from tfrec.data.tables.timestamps import parse_times, unix_seconds

    seconds, _ = parse_times(pd.Series(times, name="--timestamps"), date_format)
    missing = is_missing(seconds)
    if missing.any():
        raise InputError(
            f"The timestamp '{times[int(missing.argmax())]}' is invalid: give seconds since 1970 or ISO 8601 dates "
            "such as 2020-12-31T23:59:59."
        )
    return unix_seconds(seconds).tolist()


def _unknown(spec: FeatureSpec, name: str, titles: list[str]) -> str:
    wanted = name.casefold()
    within = [title for title in titles if wanted and wanted in title.casefold()]
    folded = {title.casefold(): title for title in titles}
    close = [folded[match] for match in difflib.get_close_matches(wanted, folded, n=5, cutoff=0.5)]
    close += difflib.get_close_matches(name, spec.items.tokens.tolist(), n=3, cutoff=0.7)
    nearest = list(dict.fromkeys([*within[:5], *close]))[:5]
    few = ", ".join(f'"{item}"' for item in nearest or spec.items.tokens[:3])
    hint = "Did you mean" if nearest else "Ids look like"
    end = "?" if nearest else "."
    return f'The model has no item with the title or id "{name}". {hint}: {few}{end} It has {spec.num_items:,} items.'


def _name(spec: FeatureSpec, item: str) -> str:
    title = spec.title_of(item)
    return printable(item if title == item else f"{title}  [{item}]")
