"""The expected answers of exports with a ranking model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfrec import presets
from tfrec.inference import candidate_scores, recommendations
from tfrec.serving.graph.two_stage import USER_FEATURES
from tfrec.serving.runtime import Call
from tfrec.serving.verify import sampled_features
from tfrec.serving.verify.parity import Answer
from tfrec.serving.verify.scored_once import ScoredOnce

TOLERANCE = 1e-5  # allowed difference of probabilities and ratings
_NOISE = 1e-5  # floating-point noise of the retrieval scores


class Stages(NamedTuple):
    """The presets of an export and its options.

    Attributes:
        retrieval: preset that finds the candidates, or None.
        ranking: preset that ranks them.
        k: length of the ranked lists.
        candidates: number of candidates.
        mask_seen: whether items of the history are excluded.
        withdrawn: raw ids that are never returned.
    """

    retrieval: presets.Preset | None
    ranking: presets.Preset
    k: int = 20
    candidates: int = 200
    mask_seen: bool = True
    withdrawn: Sequence[str] = ()


def recommend(stages: Stages, call: Call, noise: float = 0.0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The answer to a call of `recommend`, and a mask of the rows that do not depend on rounding.

    A row depends on rounding if the last candidate and the first item after it have scores within `noise`: either of
    them may be ranked.
    """
    model, spec = stages.retrieval.model, stages.retrieval.spec
    given = {name: call.inputs[name] for name in ("timestamps", "exclude", "allow") if name in call.inputs}
    history = call.inputs["history"]
    given["exclude"] = [[*row, *stages.withdrawn] for row in given.get("exclude", [[]] * len(history))]
    found, near = recommendations.recommend(
        model,
        spec,
        history,
        stages.candidates + 1,
        mask_seen=stages.mask_seen,
        users=call.inputs.get("user_id"),
        **given,
    )
    sure = np.ones(len(history), bool)
    if near.shape[1] > stages.candidates:
        last, first_out = near[:, stages.candidates - 1], near[:, stages.candidates]
        gap = np.where(np.isfinite(first_out), last - np.where(np.isfinite(first_out), first_out, 0), np.inf)
        sure = (gap == 0) | (gap > noise * np.maximum(1, np.abs(last)))
    return _in_order(stages, call, [row[: stages.candidates] for row in found]), sure


def rescored(stages: Stages, call: Call, found: Answer) -> Answer:
    """The ranking model's answer for the items that an export has found, for approximate indexes."""
    return _in_order(stages, call, found["item_ids"].tolist())


def expected_answers(stages: Stages, calls: Sequence[Call]) -> tuple[list[Call], list[Answer]]:
    """Calls without the rows that depend on rounding, and the models' own answers to them."""
    checked, answers = [], []
    if (first := stages.retrieval) is not None:
        stages = stages._replace(retrieval=dataclasses.replace(first, model=ScoredOnce(first.model)))
    for call in calls:
        if call.signature == "rank" or stages.retrieval is None:
            checked.append(call)
            answers.append(_ranked(stages, call, call.inputs.get("item_ids")))
            continue
        answer, sure = recommend(stages, call, _NOISE)
        if not sure.any():
            continue
        rows = np.flatnonzero(sure)
        checked.append(Call(call.signature, {name: [of[row] for row in rows] for name, of in call.inputs.items()}))
        answers.append({name: values[rows] for name, values in answer.items()})
    return checked, answers


def _ranked(stages: Stages, call: Call, item_ids: list[list[str]] | None) -> dict[str, np.ndarray]:
    model, spec = stages.ranking.model, stages.ranking.spec
    readable, inputs = candidate_scores.request_features(model, spec), dict(call.inputs)
    if call.signature != "rank" and "user_id" in inputs:
        inputs |= dict.fromkeys(USER_FEATURES, inputs["user_id"])
    features = sampled_features.by_column(readable, inputs)
    history = call.inputs.get("history") if "history" in model.input_names else None
    labels = call.inputs.get("history_labels")
    return {"scores": candidate_scores.rank(model, spec, item_ids, history, features, labels)}


def _in_order(stages: Stages, call: Call, item_ids: list[list[str]]) -> dict[str, np.ndarray]:
    """The K best candidates in the ranking model's order."""
    scores = _ranked(stages, call, item_ids)["scores"]
    order = np.argsort(-scores, axis=1, kind="stable")[:, : stages.k]
    best = np.take_along_axis(scores, order, axis=1)
    items = np.take_along_axis(np.array(item_ids, object).reshape(scores.shape), order, axis=1)
    return {"item_ids": np.where(np.isneginf(best), "", items), "scores": best}
