"""`tfrec explain`: the attention weights of a model for a history, or for an item that it scores."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfrec.cli.option_types import number, path, raw_id
from tfrec.errors import InputError
from tfrec.terminal import printable, say

if TYPE_CHECKING:
    from tfrec.data import FeatureSpec
    from tfrec.models import RankingModel, RetrievalModel
    from tfrec.serving import Attention

_SHOWN = 12  # printed pairs per attention


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("preset", type=path, metavar="PRESET", help="name of a bundled preset, or a folder")
    parser.add_argument("--history", nargs="+", default=[], metavar="ITEM", help="titles or ids, oldest first")
    parser.add_argument(
        "--history-labels",
        nargs="+",
        type=number(missing=True),
        metavar="N",
        help="one label for each item of the history, for models that read them or drop items with low labels; nan if "
        "unknown",
    )
    parser.add_argument(
        "--item",
        metavar="ITEM",
        help="title or id of the item to score (for a ranking model the newest item of the history)",
    )
    parser.add_argument("--user", type=raw_id, metavar="ID", help="id of the user, for models that read it")
    parser.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="features of the user and the context: age=34 genres='Drama|War' vector=0.1,0.2; others are missing",
    )
    parser.add_argument(
        "--timestamps",
        nargs="+",
        metavar="TIME",
        help="time of each item of the history, for retrieval models that read times: Unix seconds or ISO 8601 dates",
    )
    parser.add_argument("--date-format", metavar="FORMAT", help="strptime format of the dates in --timestamps")
    parser.add_argument("--out", type=path, metavar="FILE.png", help="draw the weights as a heat map")


def run(options: argparse.Namespace) -> None:
    """Print the score and the weights, and draw them."""
    from tfrec import atomic, presets

    if options.out and not options.out.lower().endswith(".png"):
        raise InputError(f"--out must name a .png file, such as weights.png, got {options.out}.")
    if options.out:
        atomic.check_writable(Path(options.out))
    presets.find(options.preset)  # before TensorFlow is imported
    from tfrec.models import Recommender, RetrievalModel

    preset = presets.load(options.preset, Recommender)
    is_retrieval = isinstance(preset.model, RetrievalModel)
    result, attentions = (_read if is_retrieval else _score)(preset.model, preset.spec, options)
    say(result)
    for attention in attentions:
        say("\n" + "\n".join(_lines(attention)))
    if options.out:
        title = f"{type(preset.model).__name__}: {result}"
        Path(options.out).write_bytes(_drawn(attentions, title, options.out))
        say(f"\n{options.out}: heat map written")


def _drawn(attentions: list[Attention], title: str, out: str) -> bytes:
    from tfrec import serving

    try:
        return serving.heat_map(attentions, title)
    except InputError:
        raise
    except Exception as error:  # matplotlib, its fonts or its cache
        raise InputError(f"{out} cannot be drawn: {error}. The weights are printed above.") from error


def _read(model: RetrievalModel, spec: FeatureSpec, options: argparse.Namespace) -> tuple[str, list[Attention]]:
    """The recommendations for a history, and the attention weights."""
    from tfrec import serving
    from tfrec.cli.recommend import find_items, read_times

    for name in ("features", "history_labels"):
        if getattr(options, name):
            raise InputError(f"{model.name} reads only a history of items: remove --{name.replace('_', '-')}.")
    if not options.history and options.user is None:
        raise InputError("--history is missing: list the items of the user's history, oldest first.")
    history = find_items(spec, options.history)
    times = None if options.timestamps is None else read_times(options.timestamps, options.date_format)
    stamps = None if times is None else [times]
    item = None if options.item is None else find_items(spec, [options.item])[0]
    attentions = serving.explain_history(model, spec, history, times, options.user, item)
    users = None if options.user is None else [options.user]
    if item is not None:
        score = serving.score(model, spec, [history], [[item]], stamps, users)[0, 0]
        return f"{_name(spec, item)}: score {score:.3f}", attentions
    (best,), (scores,) = serving.recommend(model, spec, [history], 3, stamps, users=users)
    named = [f"{_name(spec, item)} ({score:.3f})" for item, score in zip(best, scores, strict=True) if item]
    return "Recommends " + "; ".join(named or ["nothing: the history contains the whole catalogue"]), attentions


def _score(model: RankingModel, spec: FeatureSpec, options: argparse.Namespace) -> tuple[str, list[Attention]]:
    """The score of an item, and the attention weights."""
    from tfrec import serving

    if options.timestamps is not None:
        raise InputError(f"{model.name} does not read timestamps: remove --timestamps.")
    labels = options.history_labels
    if labels is not None and len(labels) != len(options.history):
        raise InputError(
            f"--history-labels needs one label for each of the {len(options.history)} items of the history, "
            f"got {len(labels)}."
        )
    item, history = options.item, list(options.history)
    if spec.num_items:
        if item is None:
            if not history:
                raise InputError("No item to score: give --item, or a --history, whose newest item is then scored.")
            item, labels = history.pop(), labels and labels[:-1]
        item, *history = (_find(spec, name) for name in (item, *history))
        if cold := [one for one in history if one in spec.cold.ids]:
            raise InputError(
                f'"{_name(spec, cold[0])}" has no training row, so the model cannot read it in a history: remove it.'
            )
    elif item is not None or history:
        raise InputError(f"{options.preset} has no item ids: describe the row by --features only.")
    features = read_features(model, spec, options.features, options.user)
    score, attentions = serving.explain(model, spec, item, history, features, labels)
    name = "The row" if item is None else _name(spec, item)
    return f"{name}: {_in_words(model, score)}", attentions


def _find(spec: FeatureSpec, name: str) -> str:
    """The raw id of a title or id, cold items included; raises `InputError` as `find_items` does."""
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


def read_features(
    model: RankingModel | RetrievalModel, spec: FeatureSpec, given: list[str], user: str | None = None
) -> dict[str, Any]:
    """Parse texts NAME=VALUE into column -> raw value; raises `InputError` if one is invalid."""
    from tfrec.inference import candidate_scores, recommendations
    from tfrec.models import RankingModel

    of = candidate_scores if isinstance(model, RankingModel) else recommendations
    known = {one.column: one for one in of.request_features(model, spec)}
    pairs = [text.partition("=") for text in given] + ([("user", "=", user)] if user is not None else [])
    found = {}
    for name, equals, value in pairs:
        text = f"{name}{equals}{value}"
        if not equals or name not in known:
            there = ", ".join(known) or "none"
            raise InputError(
                f"--features: expected NAME=VALUE with a user or context feature of the model, got {text!r}. Its "
                f"features: {there}."
            )
        kind = known[name].kind
        try:
            numbers = [float(part) for part in value.split(",")] if kind in ("numeric", "vector") else []
        except ValueError:
            raise InputError(f"Feature '{name}' needs numbers, got {value!r}.") from None
        found[name] = value if not numbers else numbers[0] if kind == "numeric" else numbers
        if kind == "numeric" and len(numbers) > 1:
            raise InputError(f"Feature '{name}' needs one number, got {value!r}.")
    return found


def _lines(attention: Attention) -> list[str]:
    """An attention as text: one line per item, or per pair for the strongest pairs; heads are averaged."""
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
