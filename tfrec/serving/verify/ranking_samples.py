"""Random requests that verify an export with a ranking model."""

from __future__ import annotations

import numpy as np

from tfrec.data import FeatureSpec
from tfrec.inference.candidate_scores import reads_labels, request_features
from tfrec.models import RankingModel
from tfrec.serving.graph.two_stage import USER_FEATURES
from tfrec.serving.runtime import Call
from tfrec.serving.verify.sampled_features import rectangle, sampled
from tfrec.serving.verify.samples import UNKNOWN, sample_histories, sample_timestamps, sample_users

_FEW = 12  # rows per call of signatures that repeat the computation of another one


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


def _some(spec: FeatureSpec, other: FeatureSpec, rows: int, random: np.random.Generator) -> list[list[str]]:
    """Lists of ids; some are unknown to one or both models, some are cold items of the ranking model."""
    known = [*spec.items.tokens[:5_000].tolist(), *other.items.tokens[:5_000].tolist()]
    if not known:
        return [[""]] * rows
    lists = [random.choice(known, random.integers(0, 30)).tolist() for _ in range(rows)]
    if len(cold := other.cold.ids.tokens):  # rare in a large catalogue, so they are drawn separately
        lists = [[*row, *random.choice(cold, random.integers(0, 3)).tolist()] for row in lists]
    return rectangle([[*row, *UNKNOWN[: random.integers(0, 3)]] for row in lists])
