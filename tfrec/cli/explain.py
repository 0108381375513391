"""`tfrec explain`: what a model looks at when it scores an item, or reads a history to recommend from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfrec.cli.option_types import number, path
from tfrec.errors import InputError
from tfrec.terminal import printable, say

if TYPE_CHECKING:
    from tfrec.data import FeatureSpec
    from tfrec.models import RankingModel, RetrievalModel
    from tfrec.serving import Attention

_SHOWN = 12  # pairs of an attention that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("preset", type=path, metavar="PRESET", help="a name of the zoo, or a folder")
    parser.add_argument("--history", nargs="+", default=[], metavar="ITEM", help="titles or ids, oldest first")
    parser.add_argument(
        "--history-labels",
        nargs="+",
        type=number(missing=True),
        metavar="N",
        help="how the items of the history were labelled, where the model reads that or leaves out low ones; nan where "
        "unknown",
    )
    parser.add_argument(
        "--item",
        metavar="ITEM",
        help="the title or id to score; without it, a ranking model scores the newest of the history",
    )
    parser.add_argument("--user", metavar="ID", help="the user's id, for a model that reads it")
    parser.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="what is known of the user and the context: age=34 genres='Drama|War' vector=0.1,0.2; else it is missing",
    )
    parser.add_argument(
        "--timestamps",
        nargs="+",
        metavar="TIME",
        help="when each item was met: seconds since 1970 or ISO 8601 dates, for a retrieval model that reads them",
    )
    parser.add_argument(
        "--date-format", metavar="FORMAT", help="how the dates of --timestamps are written, in the codes of strptime"
    )
    parser.add_argument("--out", type=path, metavar="FILE.png", help="draw the weights as a heat map")


def run(options: argparse.Namespace) -> None:
    """Print the score and the weights, and draw them."""
    from tfrec import atomic, presets

    if options.out and not options.out.lower().endswith(".png"):
        raise InputError(f"--out is the picture's file, such as weights.png: got {options.out}.")
    if options.out:
        atomic.check_writable(Path(options.out))
    presets.find(options.preset)  # before TensorFlow is imported
    from tfrec.models import Recommender, RetrievalModel

    preset = presets.load(options.preset, Recommender)
    is_retrieval = isinstance(preset.model, RetrievalModel)
    said, attentions = (_read if is_retrieval else _score)(preset.model, preset.spec, options)
    say(said)
    for attention in attentions:
        say("\n" + "\n".join(_lines(attention)))
    if options.out:
        title = f"{type(preset.model).__name__}: {said}"
        Path(options.out).write_bytes(_drawn(attentions, title, options.out))
        say(f"\n{options.out}: drawn")


def _drawn(attentions: list[Attention], title: str, out: str) -> bytes:
    from tfrec import serving

    try:
        return serving.heat_map(attentions, title)
    except InputError:
        raise
    except Exception as error:  # of matplotlib, its fonts or its cache
        raise InputError(f"{out} cannot be drawn: {error}. The weights are those printed above.") from error


def _read(model: RetrievalModel, spec: FeatureSpec, options: argparse.Namespace) -> tuple[str, list[Attention]]:
    """What a history leads to, and what of it."""
    from tfrec import serving
    from tfrec.cli.recommend import find_items, read_times

    for name in ("user", "features", "history_labels"):
        if getattr(options, name):
            raise InputError(f"{model.name} reads histories of items alone: leave out --{name.replace('_', '-')}.")
    if not options.history:
        raise InputError("Name what was met, oldest first: --history.")
    history = find_items(spec, options.history)
    times = None if options.timestamps is None else read_times(options.timestamps, options.date_format)
    stamps = None if times is None else [times]
    attentions = serving.explain_history(model, spec, history, times)
    if options.item is not None:
        (item,) = find_items(spec, [options.item])
        score = serving.score(model, spec, [history], [[item]], stamps)[0, 0]
        return f"{_name(spec, item)}: score {score:.3f}", attentions
    (best,), (scores,) = serving.recommend(model, spec, [history], 3, stamps)
    named = [f"{_name(spec, item)} ({score:.3f})" for item, score in zip(best, scores, strict=True) if item]
    return "Recommends " + "; ".join(named or ["nothing: the history holds the whole catalogue"]), attentions


def _score(model: RankingModel, spec: FeatureSpec, options: argparse.Namespace) -> tuple[str, list[Attention]]:
    """The score of an item, and what led to it."""
    from tfrec import serving

    if options.timestamps is not None:
        raise InputError(f"{model.name} reads no time stamps: leave out --timestamps.")
    labels = options.history_labels
    if labels is not None and len(labels) != len(options.history):
        raise InputError(
            f"--history-labels needs a number for each of {len(options.history)} items, got {len(labels)}."
        )
    item, history = options.item, list(options.history)
    if spec.num_items:
        if item is None:
            if not history:
                raise InputError("Name what is to be scored: --item, or a --history whose newest item is scored.")
            item, labels = history.pop(), labels and labels[:-1]
        item, *history = (_find(spec, name) for name in (item, *history))
        if cold := [one for one in history if one in spec.cold.ids]:
            raise InputError(f'"{_name(spec, cold[0])}" has no training row, so no history holds it: leave it out.')
    elif item is not None or history:
        raise InputError(f"{options.preset} knows no items: describe the row by --features alone.")
    features = read_features(model, spec, options.features, options.user)
    score, attentions = serving.explain(model, spec, item, history, features, labels)
    name = "The row" if item is None else _name(spec, item)
    return f"{name}: {_in_words(model, score)}", attentions


def _find(spec: FeatureSpec, name: str) -> str:
    """The raw id of a title or id, that of a cold item too; raises `InputError` as `find_items` does."""
    from tfrec.cli.recommend import find_items

    if name in spec.cold.ids:
        return name
    try:
        return find_items(spec, [name])[0]
    except InputError:
        titles = [title.casefold() for title in spec.cold.titles or []]
        if not name or name.casefold() not in titles:
            raise
        return spec.cold.ids.tokens[titles.index(name.casefold())]


def read_features(model: RankingModel, spec: FeatureSpec, given: list[str], user: str | None) -> dict[str, Any]:
    """Column -> raw value, from texts NAME=VALUE; raises `InputError` where one cannot be read."""
    from tfrec.inference.candidate_scores import asked_features

    known = {one.column: one for one in asked_features(model, spec)}
    pairs = [text.partition("=") for text in given] + ([("user", "=", user)] if user is not None else [])
    found = {}
    for name, equals, value in pairs:
        text = f"{name}{equals}{value}"
        if not equals or name not in known:
            there = ", ".join(known) or "none"
            raise InputError(
                f"{text!r} names no feature of users or context that the model reads, as NAME=VALUE: it reads {there}."
            )
        kind = known[name].kind
        try:
            numbers = [float(part) for part in value.split(",")] if kind in ("numeric", "vector") else []
        except ValueError:
            raise InputError(f"The feature '{name}' is of numbers: got {value!r}.") from None
        found[name] = value if not numbers else numbers[0] if kind == "numeric" else numbers
        if kind == "numeric" and len(numbers) > 1:
            raise InputError(f"The feature '{name}' is one number: got {value!r}.")
    return found


def _lines(attention: Attention) -> list[str]:
    """An attention in words: a line for each place, or for the strongest pairs; heads are averaged."""
    mean = attention.over_heads()
    count = len(attention.labels[attention.axes.index("head")]) if mean is not attention else 1
    heads = f", mean of {count} heads" if count > 1 else ""
    if not mean.weights.size:
        return [f"{attention.name}: nothing to attend to"]
    if len(mean.axes) == 1:
        longest = max(float(abs(mean.weights).max()), 1e-9)
        bars = [("░" if weight < 0 else "█") * round(20 * abs(float(weight)) / longest) for weight in mean.weights]
        rows = zip(mean.weights, bars, map(printable, mean.labels[0]), strict=True)
        return [f"{attention.name}{heads}", *(f"{weight:>8.4f}  {bar:20}  {label}" for weight, bar, label in rows)]
    order = [int(at) for at in (-mean.weights).ravel().argsort(kind="stable")[:_SHOWN]]
    places = [divmod(at, mean.weights.shape[-1]) for at in order]
    pairs = [
        (mean.weights[row, column], printable(mean.labels[0][row]), printable(mean.labels[1][column]))
        for row, column in places
    ]
    more = f", the strongest {_SHOWN} of {mean.weights.size} pairs" if mean.weights.size > _SHOWN else ""
    return [f"{attention.name}{heads}{more}", *(f"{weight:>8.4f}  {one} -> {other}" for weight, one, other in pairs)]


def _in_words(model: RankingModel, score: float) -> str:
    return f"{score:.3f} probability of a click" if model.task == "click" else f"rating {score:.2f}"


def _name(spec: FeatureSpec, item: str) -> str:
    title = spec.title_of(item)
    return printable(item if title == item else f"{title}  [{item}]")
