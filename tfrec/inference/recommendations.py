"""Recommend and score items with a retrieval model in Python; exports are compared with this reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd

from tfrec.data import FeatureSpec
from tfrec.data.batches.pairs import user_vocabulary
from tfrec.data.features import Feature
from tfrec.data.tables.ids import id_text
from tfrec.data.tables.time_units import per_second
from tfrec.errors import InputError
from tfrec.models import RetrievalModel
from tfrec.ops import RESERVED_IDS, mask_items, popularity_scores, top_items

Lists = Sequence[Sequence[str]]


def recommend(
    model: RetrievalModel,
    spec: FeatureSpec,
    histories: Lists | None = None,
    k: int = 10,
    timestamps: Sequence[Sequence[int]] | None = None,
    exclude: Lists | None = None,
    allow: Lists | None = None,
    mask_seen: bool = True,
    users: Sequence[str] | None = None,
    features: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[list[list[str]], np.ndarray]:
    """The K best items for histories of raw ids, best first, without the items of the history.

    Unknown ids are ignored, with their timestamps. A history without known items gets the most popular items, with the
    logarithm of the item's share of all interactions as score. If fewer than K items are left, the list is filled with
    "" and the score -inf.

    A model that reads user ids uses the id of a user who is in the training data. Any other user is folded in from the
    history if the model supports it, and otherwise gets the most popular items.

    Args:
        model: a retrieval model.
        spec: the spec that it was trained with.
        histories: B lists of raw ids, oldest first; 7 and "7" are the same id. An empty list gets the most popular
            items. Histories may be omitted if `users` are given; nothing is masked then.
        k: length of the lists, at most the number of items.
        timestamps: times of the items of each history, Unix seconds, for a model that reads them.
        exclude: B lists of further ids that must not be recommended.
        allow: B lists of the only ids that may be recommended; a list without ids (or only "") allows all.
        mask_seen: False allows the items of the history in the recommendations.
        users: B raw user ids, for a model that reads them; "" means an unknown user, and None means all are unknown.
        features: column -> B raw values of features of the users, for a model that reads them. Missing values, and
            columns left out, are those of the training data if the user is known.

    Returns:
        B lists of K raw ids, and (B, K) float32 scores.

    Raises:
        InputError: if model and spec do not fit together; if the scores are not finite; if timestamps are missing, not
            numbers, not one per item, or not read by the model; or if there are not as many lists in `exclude` or
            `allow` as histories.
    """
    codes, scores = _scored(model, spec, histories, timestamps, users, features)
    if mask_seen:
        scores = mask_items(scores, _pad(codes))
    if exclude is not None:
        scores = mask_items(scores, _pad(_ids(spec, exclude, "exclude", len(codes))))
    if allow is not None:
        allowed = np.isneginf(mask_items(np.zeros_like(scores), _pad(_ids(spec, allow, "allow", len(codes)))))
        named = np.array([[any(token != "" for token in row)] for row in allow])
        scores = np.where(allowed | ~named, scores, -np.inf)
    ids, best = top_items(scores, min(k, spec.num_items))
    return [spec.items.decode(row) for row in keras.ops.convert_to_numpy(ids)], keras.ops.convert_to_numpy(best)


def score(
    model: RetrievalModel,
    spec: FeatureSpec,
    histories: Lists | None,
    item_ids: Lists,
    timestamps: Sequence[Sequence[int]] | None = None,
    users: Sequence[str] | None = None,
    features: Mapping[str, Sequence[Any]] | None = None,
) -> np.ndarray:
    """The scores of given items for histories of raw ids, (B, C) float32; -inf for unknown ids.

    Args and errors are as in `recommend`; `item_ids` are B lists of the same length.
    """
    _, scores = _scored(model, spec, histories, timestamps, users, features)
    return np.take_along_axis(scores, np.stack([spec.items.encode(_array(row)) for row in item_ids]), axis=1)


def read_histories(
    model: RetrievalModel,
    spec: FeatureSpec,
    histories: Lists | None,
    timestamps: Sequence[Sequence[int]] | None = None,
    users: Sequence[str] | None = None,
    features: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """The known ids of each history, and the model's inputs; args and errors as in `recommend`."""
    users = _checked_users(users, model, histories)
    if histories is None and (users is not None or features):
        histories = [[] for _ in (users if users is not None else next(iter(features.values())))]
    if not isinstance(histories, Iterable) or isinstance(histories, str) or hasattr(histories, "columns"):
        got = "" if histories is None else f", got {type(histories).__name__}"
        users_too = " or user ids, users=['7']" if "user" in getattr(model, "input_names", ()) else ""
        raise InputError(f"histories must be lists of ids, oldest first{got}: pass histories=[['7', '9']]{users_too}.")
    spec.check_fits(model)
    codes = [spec.items.encode(_array(history)) for history in histories]
    known = [ids[ids >= RESERVED_IDS] for ids in codes]
    inputs = {"history": known}
    stamps = _checked(timestamps, model, codes)
    if stamps is not None:
        inputs["timestamps"] = [row[ids >= RESERVED_IDS] for row, ids in zip(stamps, codes, strict=True)]
    found = {
        name: _pad([row[-spec.max_length :] for row in rows])[:, -spec.max_length :] for name, rows in inputs.items()
    }
    if "user" in model.input_names:
        found["user"] = user_vocabulary(spec).encode(_array([""] * len(known) if users is None else users))
    return known, found | _encoded(features or {}, model, spec, len(known))


def request_features(model: RetrievalModel, spec: FeatureSpec) -> list[Feature]:
    """The features of users that a retrieval model can read from a request."""
    return [one for one in spec.features if one.group == "user" and one.column in model.optional_inputs]


def is_known(model: RetrievalModel, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which rows the model itself answers, (B,) bool; all others are answered by popularity."""
    found = model.is_known(inputs)
    return inputs["history"][:, -1] >= RESERVED_IDS if found is None else keras.ops.convert_to_numpy(found)


def _scored(
    model: RetrievalModel,
    spec: FeatureSpec,
    histories: Lists | None,
    timestamps: Sequence[Sequence[int]] | None,
    users: Sequence[str] | None,
    features: Mapping[str, Sequence[Any]] | None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """The known ids of each history, and the score of every id."""
    known, inputs = read_histories(model, spec, histories, timestamps, users, features)
    scores = keras.ops.convert_to_numpy(model.score(inputs))
    answered = is_known(model, inputs)[:, None]
    if not np.isfinite(scores[:, RESERVED_IDS:][answered[:, 0]]).all():
        raise InputError(
            f"{model.name} returns scores that are not finite: its training has diverged. Train it again with a "
            "lower learning rate, or with clipnorm=1.0 in the optimizer."
        )
    return known, np.where(answered, scores, popularity_scores(spec.item_counts))


def _encoded(
    features: Mapping[str, Sequence[Any]], model: RetrievalModel, spec: FeatureSpec, rows: int
) -> dict[str, np.ndarray]:
    """The features of a request as the model reads them."""
    known = {one.column: one for one in request_features(model, spec)}
    for name, values in features.items():
        if name not in known:
            reads = ", ".join(known) or "none"
            raise InputError(f"{model.name} reads no feature '{name}' of users: it reads {reads}.")
        if isinstance(values, str) or len(values) != rows:
            raise InputError(f"The feature '{name}' needs a list of values, one per row, {rows} in total.")
    return {name: known[name].encode(pd.Series(list(values), dtype=object)) for name, values in features.items()}


def _ids(spec: FeatureSpec, lists: Lists, name: str, number: int) -> list[np.ndarray]:
    if len(lists) != number:
        raise InputError(f"{name} needs one list per history, {number} in total; got {len(lists)}.")
    codes = [spec.items.encode(_array(row)) for row in lists]
    return [ids[ids >= RESERVED_IDS] for ids in codes]


def _array(history: Sequence[str]) -> np.ndarray:
    if not isinstance(history, Iterable):
        raise InputError(f"A history must be a list of ids, got {history!r}: pass [[{history!r}]].")
    if isinstance(history, str):
        raise InputError(f"A history must be a list of ids, got the string {history!r}: pass [[{history!r}]].")
    return np.array([id_text(item) for item in history], dtype=object)


def _checked_users(users: Sequence[str] | None, model: RetrievalModel, histories: Lists | None) -> Sequence[str] | None:
    if users is None:
        return None
    if "user" not in model.input_names:
        raise InputError(f"{model.name} reads no user ids: leave out users (--user on the command line).")
    if isinstance(users, str) or not isinstance(users, Iterable):
        raise InputError(f"users is a list of user ids, got {users!r}: give [{users!r}].")
    users = list(users)
    if histories is not None and isinstance(histories, Sequence) and len(histories) != len(users):
        raise InputError(f"There are {len(histories)} histories and {len(users)} users: give one user for each.")
    return users


def _checked(
    timestamps: Sequence[Sequence[int]] | None, model: RetrievalModel, histories: Sequence[np.ndarray]
) -> list[np.ndarray] | None:
    reads = "timestamps" in model.input_names
    if timestamps is None and not reads:
        return None
    if timestamps is None and not any(len(history) for history in histories):
        timestamps = [[] for _ in histories]  # empty histories need no timestamps
    if timestamps is None:
        raise InputError(
            f"{model.name} reads timestamps: pass timestamps= (on the command line --timestamps), the time of each "
            "item of the history in seconds since 1970."
        )
    if not reads:
        raise InputError(f"{model.name} reads no timestamps: remove them.")
    if len(timestamps) != len(histories):
        raise InputError(f"timestamps needs one list per history, {len(histories)} in total; got {len(timestamps)}.")
    stamps = [np.asarray(row) for row in timestamps]
    for row, history in zip(stamps, histories, strict=True):
        if row.shape != history.shape:
            raise InputError(
                f"A history of {len(history)} items needs {len(history)} timestamps in the same order, got {row.size}."
            )
        if row.size and (row.dtype.kind not in "iuf" or not np.isfinite(row).all()):
            raise InputError(f"Timestamps must be numbers, seconds since 1970: got {row.tolist()}.")
        if row.size and per_second(row) > 1:
            raise InputError(
                f"Timestamps must be seconds since 1970, but {row[np.abs(row).argmax()]} is too large: divide by "
                f"{per_second(row):,}."
            )
    return [np.floor(row).astype(np.int64) for row in stamps]


def _pad(rows: list[np.ndarray]) -> np.ndarray:
    width = max(2, *(len(row) for row in rows))  # Keras warns of a softmax over one position
    return np.stack([np.concatenate([np.zeros(width - len(row), row.dtype), row]) for row in rows])
