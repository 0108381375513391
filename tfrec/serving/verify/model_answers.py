"""The answers of a retrieval model to the requests that its export is tested with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tfrec.data import FeatureSpec
from tfrec.inference import recommendations
from tfrec.models import RetrievalModel
from tfrec.reserved_ids import PADDING_ID, RESERVED_IDS
from tfrec.serving.runtime import Call
from tfrec.serving.verify.approximation import Answer
from tfrec.serving.verify.sampled_features import by_column
from tfrec.serving.verify.scored_once import ScoredOnce


def expected_answers(
    model: RetrievalModel,
    spec: FeatureSpec,
    calls: Sequence[Call],
    k: int,
    mask_seen: bool = True,
    withdrawn: Sequence[str] = (),
) -> list[Answer]:
    """The model's answers to calls, without the withdrawn items."""
    once = ScoredOnce(model)
    return [_expected(once, spec, call, k, mask_seen, list(withdrawn)) for call in calls]


def rescored(model: RetrievalModel, spec: FeatureSpec, call: Call, found: Answer) -> Answer:
    """The model's scores of the items that an export has found, in the model's order."""
    request = with_history_for_each(call.inputs)
    features = _features(model, spec, call)
    users, times = request.get("user_id"), request.get("timestamps")
    scores = recommendations.score(model, spec, request["history"], found["item_ids"], times, users, features)
    order = np.argsort(-scores, axis=1, kind="stable")
    return {
        "item_ids": np.take_along_axis(found["item_ids"], order, axis=1),
        "scores": np.take_along_axis(scores, order, axis=1),
    }


def _expected(model: RetrievalModel, spec: FeatureSpec, call: Call, k: int, mask_seen: bool, withdrawn: list) -> Answer:
    given = with_history_for_each(call.inputs)
    users = given.pop("user_id", None)
    if call.signature == "score":
        stamps = given.get("timestamps")
        return {"scores": recommendations.score(model, spec, given["history"], given["item_ids"], stamps, users)}
    if call.signature == "embed_users":
        _, inputs = recommendations.read_histories(model, spec, given["history"], given.get("timestamps"), users)
        vectors = keras.ops.convert_to_numpy(model.embed(inputs))
        some = recommendations.is_known(model, inputs).reshape((-1,) + (1,) * (vectors.ndim - 1))
        return {"vectors": np.where(some, vectors, 0)}
    if call.signature == "embed_items":
        ids = spec.items.encode(given["item_ids"])
        table = keras.ops.convert_to_numpy(model.item_table()).astype(np.float32)
        return {"vectors": np.where(ids[:, None] >= RESERVED_IDS, table[ids], 0)}
    if call.signature == "similar_items":
        ids = spec.items.encode(given["item_ids"])
        near, scores = _similar(model, ids, k, spec.items.encode(withdrawn))
        known = ids[:, None] >= RESERVED_IDS
        near, scores = np.where(known, near, PADDING_ID), np.where(known, scores, -np.inf)
        return {"item_ids": _texts([spec.items.decode(row) for row in near]), "scores": scores}
    history = given.pop("history")
    if call.signature == "recommend_by_features":
        given = {"features": _features(model, spec, call)}
    given["exclude"] = [[*row, *withdrawn] for row in given.get("exclude", [[]] * len(history))]
    ids, scores = recommendations.recommend(model, spec, history, k, mask_seen=mask_seen, users=users, **given)
    return {"item_ids": _texts(ids), "scores": scores}


def _features(model: RetrievalModel, spec: FeatureSpec, call: Call) -> dict[str, list[Any]]:
    """The raw features of users in a call, by column."""
    if call.signature != "recommend_by_features":
        return {}
    return by_column(recommendations.request_features(model, spec), call.inputs)


def with_history_for_each(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a call with one history per user; a call may have a single history for all users."""
    rows = len(inputs.get("user_id", ()))
    beside = ("history", "timestamps", "history_labels")
    return {name: of * rows if name in beside and len(of) == 1 < rows else of for name, of in inputs.items()}


def _similar(model: RetrievalModel, ids: np.ndarray, k: int, withdrawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`model.similar` without withdrawn items."""
    wide = min(k + len(withdrawn), model.item_table().shape[0] - RESERVED_IDS)
    near, scores = (keras.ops.convert_to_numpy(one) for one in model.similar(ids, wide))
    scores = np.where(np.isin(near, withdrawn), -np.inf, scores)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    near, scores = np.take_along_axis(near, order, axis=1), np.take_along_axis(scores, order, axis=1)
    return np.where(np.isneginf(scores), 0, near), scores


def _texts(rows: list[list[str]]) -> np.ndarray:
    return np.array(rows, dtype=object)
