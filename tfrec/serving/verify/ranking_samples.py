"""Random requests that verify an export with a ranking model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfrec.data import FeatureSpec
from tfrec.data.features import Feature
from tfrec.inference.candidate_scores import reads_labels, request_features
from tfrec.models import RankingModel
from tfrec.serving.graph.raw_features import input_names
from tfrec.serving.graph.two_stage import USER_FEATURES
from tfrec.serving.runtime import Call
from tfrec.serving.verify.samples import UNKNOWN, rectangle, sample_histories, sample_timestamps, sample_users

_FEW = 12  # rows per call of signatures that repeat the computation of another one
_ODD = ["", "no such value", "Größe, 日本 🎬", " ", "7.0", "a\nb"]


def calls(
    ranking: tuple[RankingModel, FeatureSpec],
    retrieval: FeatureSpec | None = None,
    timed: bool = False,
    number: int = 200,
    seed: int = 0,
    reads_users: bool = False,
) -> list[Call]:
    """Calls of all signatures: histories of all lengths, and features of all kinds, with missing and unseen values.

    Args:
    ranking: the ranking model and its spec.
    retrieval: spec of the retrieval model, or None.
    timed: whether the retrieval model reads timestamps.
    number: number of random histories.
    seed: seed of the random generator.
    reads_users: whether the retrieval model reads user ids.
    """
    model, spec = ranking
    random = np.random.default_rng(seed)
    features, of_items = request_features(model, spec), retrieval or spec
    reads_history, levels = "history" in model.input_names, _levels(spec) if reads_labels(model, spec) else []
    if of_items.num_items:
        batches = sample_histories(of_items, number, seed)
    else:
        batches = [[[] for _ in range(50)] for _ in range(4)]
    stamps = sample_timestamps(batches) if timed else [None] * len(batches)
    found: list[Call] = []
    for turn, (batch, times) in enumerate(zip(batches, stamps, strict=True)):
        rows, history = len(batch), {"history": rectangle(batch)}
        user = sampled(features, rows, random)
        if levels:
            width = len(history["history"][0])
            user["history_labels"] = random.choice(levels, (rows, width)).tolist()
        time = {"timestamps": rectangle(times, 0)} if times else {}
        items = _some(of_items, spec, rows, random)
        own = {**(history if reads_history else {}), **({"item_ids": items} if spec.num_items else {}), **user}
        if retrieval is None:
            found += [Call("serving_default", own), *([Call("rank", own)] if turn == 0 else [])]
            continue
        if reads_users:
            history = {"user_id": sample_users(retrieval, rows, turn), **history}
            user = {name: of for name, of in user.items() if name not in USER_FEATURES}
        found.append(Call("serving_default", history | time | user))
        if turn < 2:
            filters = {"exclude": _some(of_items, spec, rows, random), "allow": _some(of_items, spec, rows, random)}
            others = {
                "recommend": history | time | user,
                "recommend_by_history": history | time,
                "recommend_filtered": history | filters | time | user,
                "rank": own,
            }
            found += [Call(name, {key: of[:_FEW] for key, of in inputs.items()}) for name, inputs in others.items()]
    return found


def _levels(spec: FeatureSpec) -> list[float]:
    """Labels for histories: above and below `min_label`, and an unknown one."""
    least = spec.history.min_label
    return [*spec.label_levels, *([] if least is None else [float(least), least - 1.0]), np.nan]


def sampled(features: Sequence[Feature], rows: int, random: np.random.Generator) -> dict[str, list[Any]]:
    """Input name -> raw values for `rows` rows; a quarter of them missing, unseen or odd."""
    names = input_names(features)
    return {names[one.column]: _values(one, rows, random) for one in features}


def by_column(features: Sequence[Feature], inputs: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The raw values of a call as in a DataFrame: column -> one value per row."""
    names = input_names(features)
    return {one.column: list(inputs[names[one.column]]) for one in features if names[one.column] in inputs}


def _values(feature: Feature, rows: int, random: np.random.Generator) -> list[Any]:
    odd = random.random(rows) < 0.25
    if feature.kind == "numeric":
        mean, wide = feature.mean or 0.0, feature.deviation or 1.0
        drawn = random.normal(mean, 2 * wide, rows)
        drawn = np.sign(drawn) * np.expm1(np.minimum(np.abs(drawn), 60)) if feature.scaling == "log" else drawn
        drawn[odd] = random.choice([np.nan, np.inf, -np.inf, 0.0, 1e30, mean], int(odd.sum()))
        return drawn.astype(np.float32).tolist()
    if feature.kind == "vector":
        drawn = random.normal(0, 1, (rows, feature.dim)).astype(np.float32)
        drawn[odd, random.integers(0, feature.dim)] = np.nan
        return drawn.tolist()
    known = [] if feature.tokens.vocabulary is None else feature.tokens.vocabulary.tokens[:5_000].tolist()

    def one(is_odd: bool) -> str:
        return str(random.choice(_ODD if is_odd or not known else known))

    if feature.kind == "categorical":
        return [one(is_odd) for is_odd in odd]
    lengths = random.integers(0, feature.max_values + 3, rows)
    return rectangle([[one(random.random() < 0.2) for _ in range(length)] for length in lengths])


def _some(spec: FeatureSpec, other: FeatureSpec, rows: int, random: np.random.Generator) -> list[list[str]]:
    """Lists of ids; some are unknown to one or both models, some are cold items of the ranking model."""
    known = [*spec.items.tokens[:5_000].tolist(), *other.items.tokens[:5_000].tolist()]
    if not known:
        return [[""]] * rows
    lists = [random.choice(known, random.integers(0, 30)).tolist() for _ in range(rows)]
    if len(cold := other.cold.ids.tokens):  # rare in a large catalogue, so they are drawn separately
        lists = [[*row, *random.choice(cold, random.integers(0, 3)).tolist()] for row in lists]
    return rectangle([[*row, *UNKNOWN[: random.integers(0, 3)]] for row in lists])
