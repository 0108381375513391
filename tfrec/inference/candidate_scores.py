"""Score candidates with a ranking model in Python; exports are compared with this reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd

from tfrec.data import FeatureSpec
from tfrec.data.features import Feature
from tfrec.data.tables.ids import id_text
from tfrec.errors import InputError
from tfrec.models import RankingModel
from tfrec.ops import RESERVED_IDS, UNKNOWN_ID

Lists = Sequence[Sequence[str]]


def rank(
    model: RankingModel,
    spec: FeatureSpec,
    item_ids: Lists | None,
    histories: Lists | None = None,
    features: Mapping[str, Sequence[Any]] | None = None,
    history_labels: Sequence[Sequence[float]] | None = None,
) -> np.ndarray:
    """Score given items with a ranking model: click probabilities or ratings.

    An unknown id is scored as an unseen item, with its features from the spec's side table (`spec.cold`) if it has
    them. Unknown ids in histories are ignored.

    Args:
        model: a ranking model.
        spec: the spec that it was trained with.
        item_ids: B lists of N raw ids; None if the spec has no items.
        histories: B lists of raw ids, oldest first; None if the model reads no history.
        features: column -> B raw values, for features of users and context: texts, lists of texts, numbers or vectors.
            Omitted columns are missing values.
        history_labels: labels of the items of each history, NaN if unknown; None if all are unknown. Items with labels
            below `spec.history.min_label` are left out of the history, as in training.

    Returns:
        (B, N) float32, -inf for ""; (B,) if the spec has no items.

    Raises:
        InputError: if model and spec do not fit together, the model does not read a feature, lengths of lists differ,
            or the scores are not finite.
    """
    inputs = ranking_inputs(model, spec, item_ids, histories, features, history_labels)
    scores = keras.ops.convert_to_numpy(model.score(inputs))
    if not np.isfinite(scores).all():
        raise InputError(
            f"{model.name} returns scores that are not finite: its training has diverged. Train it again with a "
            "lower learning rate, or with clipnorm=1.0 in the optimizer."
        )
    if item_ids is None:
        return scores
    is_padding = np.array([[item == "" for item in row] for row in item_ids], bool)
    return np.where(is_padding, -np.inf, scores.reshape(is_padding.shape))


def request_features(model: RankingModel, spec: FeatureSpec) -> list[Feature]:
    """The features of users and context that a model reads, which a request can provide."""
    return [one for one in spec.features if one.group != "item" and one.column in model.input_names]


def reads_labels(model: RankingModel, spec: FeatureSpec) -> bool:
    """Whether the labels of a history affect a model: as input, or because low labels are left out."""
    names = model.input_names
    return "history" in names and ("history_label" in names or spec.history.min_label is not None)


def ranking_inputs(
    model: RankingModel,
    spec: FeatureSpec,
    item_ids: Lists | None,
    histories: Lists | None = None,
    features: Mapping[str, Sequence[Any]] | None = None,
    history_labels: Sequence[Sequence[float]] | None = None,
) -> dict[str, np.ndarray]:
    """The model's inputs for (user, item) pairs, (B * N, ...) each, with the items of a user consecutive.

    Args and errors are as in `rank`.
    """
    spec.check_fits(model)
    names = model.input_names
    readable, given = {one.column: one for one in request_features(model, spec)}, features or {}
    rows = len(item_ids) if item_ids is not None else max(map(len, given.values()), default=1)
    for name, values in given.items():
        if name not in readable:
            raise InputError(f"The model reads no feature '{name}' of users or context: it reads {list(readable)}.")
        if len(values) != rows:
            raise InputError(f"The feature '{name}' needs one value per row, {rows} in total; got {len(values)}.")
    found = {name: one.encode(_cells(given.get(name, [None] * rows))) for name, one in readable.items()}
    if "history" in names:
        if histories is None or len(histories) != rows:
            raise InputError(f"{model.name} reads histories: pass one for each of the {rows} rows.")
        found |= _of_histories(spec, names, histories, history_labels)
    if item_ids is None:
        return found
    at = np.array([spec.item_rows(_texts(row)) for row in item_ids], np.int32).reshape(rows, -1)
    found = {name: np.repeat(values, at.shape[1], axis=0) for name, values in found.items()}
    if "item" in names:
        found["item"] = np.where(at < RESERVED_IDS + spec.num_items, at, UNKNOWN_ID).ravel()
    return found | {name: values[at.ravel()] for name, values in spec.item_features.items() if name in names}


def _cells(values: Sequence[Any]) -> pd.Series:
    """A column of values of any type, including lists."""
    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        column[row] = value
    return pd.Series(column)


def _of_histories(
    spec: FeatureSpec, names: Sequence[str], histories: Lists, labels: Sequence[Sequence[float]] | None
) -> dict[str, np.ndarray]:
    """The newest events of each history, padded on the left."""
    rule, rows = spec.history, []
    for number, history in enumerate(histories):
        ids = spec.items.encode(_texts(history))
        own = np.full(len(ids), np.nan, np.float32) if labels is None else np.asarray(labels[number], np.float32)
        if own.shape != ids.shape:
            raise InputError(
                f"A history of {len(ids)} items needs {len(ids)} labels in the same order, got {own.size}."
            )
        is_event = ids >= RESERVED_IDS
        if rule.min_label is not None:
            is_event &= np.isnan(own) | (own >= rule.min_label)
        rows.append((ids[is_event][-rule.length :], own[is_event][-rule.length :]))
    width = max(2, *(len(ids) for ids, _ in rows), 2)  # Keras warns of a softmax over one position
    history, known = np.zeros((len(rows), width), np.int32), np.full((len(rows), width), np.nan, np.float32)
    for row, (ids, own) in enumerate(rows):
        if len(ids):
            history[row, -len(ids) :], known[row, -len(ids) :] = ids, own
    found = {"history": history}
    if "history_label" in names:
        found["history_label"] = np.where(np.isnan(known), 0, spec.label_ids(known)).astype(np.int32)
    return found | {
        f"history_{name}": values[history] for name, values in spec.item_features.items() if f"history_{name}" in names
    }


def _texts(row: Sequence[str]) -> np.ndarray:
    if isinstance(row, str):
        raise InputError(f"Ids must be lists of ids, got the string {row!r}: pass [[{row!r}]].")
    return np.array([id_text(item) for item in row], dtype=object)
