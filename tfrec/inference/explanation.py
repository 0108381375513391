"""Explain scores and recommendations by attention weights, labelled with titles and names of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from tfrec.data import FeatureSpec
from tfrec.errors import InputError
from tfrec.inference.candidate_scores import ranking_inputs
from tfrec.inference.recommendations import read_histories
from tfrec.models import RankingModel, RetrievalModel
from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.ops import PADDING_ID, RESERVED_IDS


class Attention(NamedTuple):
    """The weights of one attention, for one row.

    Attributes:
        name: the model's name of the attention.
        axes: names of the axes.
        labels: labels of the entries of each axis: titles, names of features, numbers of heads.
        weights: float32, with these axes.
    """

    name: str
    axes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    weights: np.ndarray

    def over_heads(self) -> Attention:
        """The mean over the heads, if there are any."""
        if "head" not in self.axes:
            return self
        at = self.axes.index("head")
        axes, labels = (of[:at] + of[at + 1 :] for of in (self.axes, self.labels))
        return Attention(self.name, axes, labels, self.weights.mean(axis=at))


def explain(
    model: RankingModel,
    spec: FeatureSpec,
    item: str | None,
    history: Sequence[str] = (),
    features: Mapping[str, Any] | None = None,
    history_labels: Sequence[float] | None = None,
) -> tuple[float, list[Attention]]:
    """The score of one item, and the weights of every attention in its computation.

    Args:
        model: a ranking model with attention.
        spec: the spec that it was trained with.
        item: a raw id; None if the spec has no items.
        history: raw ids, oldest first.
        features: column -> raw value, for features of the user and the context. Omitted columns are missing values.
        history_labels: labels of the items of the history, NaN if unknown; None if all are unknown. Items with labels
            below `spec.history.min_label` are left out of the history.

    Returns:
        the probability or rating, and the weights, without padding.

    Raises:
        InputError: if the model has no attention, model and spec do not fit together, an argument is invalid, or the
            score is not finite.
    """
    _check_attention(model)
    if len(history) and "history" not in model.input_names:
        raise InputError(f"{type(model).__name__} reads no history: omit it, and name the item to score (--item).")
    inputs = ranking_inputs(
        model,
        spec,
        None if item is None else [[item]],
        [list(history)],
        {name: [value] for name, value in (features or {}).items()},
        None if history_labels is None else [list(history_labels)],
    )
    score = float(keras.ops.convert_to_numpy(model.score(inputs))[0])
    if not np.isfinite(score):
        raise InputError(f"{model.name} returns the score {score}, which is not finite: its training has diverged.")
    ids = inputs["history"][0] if "history" in inputs else np.zeros(0, "int32")
    return score, [
        _labelled(name, model.attention_axes[name], weights, ids, spec, model.attention_labels)
        for name, weights in _of_first_row(model, inputs)
    ]


def explain_history(
    model: RetrievalModel,
    spec: FeatureSpec,
    history: Sequence[str],
    timestamps: Sequence[int] | None = None,
    user: str | None = None,
    item: str | None = None,
) -> list[Attention]:
    """The weights of every attention at the newest position, which show the items behind the recommendations.

    The attention of a model that scores pairs depends on the item that is scored. Where the item attends to users, as
    in DELF, they are labelled by their ids.

    Args:
        model: a retrieval model with attention.
        spec: the spec that it was trained with.
        history: raw ids, oldest first.
        timestamps: times of the items, Unix seconds, for a model that reads them.
        user: raw id of the user, for a model that reads it.
        item: for a model that scores pairs: raw id of the item; None takes the best one.

    Returns:
        the weights, without padding.

    Raises:
        InputError: if the model has no attention, or an argument is invalid.
    """
    _check_attention(model)
    users = None if user is None else [user]
    _, inputs = read_histories(model, spec, [history], None if timestamps is None else [timestamps], users)
    further, members = {}, {}
    if isinstance(model, PairScoringModel):
        further["item_ids"] = _item_to_explain(model, spec, inputs, item)
        members = model.users_on_axes(further["item_ids"])
    given = {axis: _user_labels(keras.ops.convert_to_numpy(ids)[0], spec) for axis, ids in members.items()}
    found = []
    for name, weights in _of_first_row(model, inputs, **further):
        axes = list(model.attention_axes[name])
        places = [place for place, axis in enumerate(axes) if axis.startswith("history")]
        for place in places[:-1]:  # the queries: keep the newest
            weights = np.take(weights, -1, axis=place)
            del axes[place]
        found.append(_labelled(name, axes, weights, inputs["history"][0], spec, given))
    return found


def _item_to_explain(
    model: PairScoringModel, spec: FeatureSpec, inputs: Mapping[str, np.ndarray], item: str | None
) -> np.ndarray:
    """The id of the item, (1,): the given one, or the best one of the row."""
    if item is None:
        return keras.ops.convert_to_numpy(model.recommend(inputs, 1)[0])[:, 0]
    (code,) = spec.items.encode([item])
    if code < RESERVED_IDS:
        raise InputError(f"The model knows no item with the id {item!r}.")
    return np.array([code])


def _user_labels(ids: np.ndarray, spec: FeatureSpec) -> list[str | None]:
    """The raw id of each user; None for padding."""
    users = [""] * len(ids) if spec.users is None else spec.users.decode(ids)
    return [user if code >= RESERVED_IDS else None for user, code in zip(users, ids, strict=True)]


def _check_attention(model: RankingModel | RetrievalModel) -> None:
    if not model.attention_axes:
        raise InputError(f"{type(model).__name__} has no attention weights: use a model with attention.")


def _of_first_row(
    model: RankingModel | RetrievalModel, inputs: Mapping[str, np.ndarray], **further: np.ndarray
) -> list[tuple[str, np.ndarray]]:
    found = model.attention_weights(inputs, **further)
    return [(name, keras.ops.convert_to_numpy(weights)[0]) for name, weights in found.items()]


def _labelled(
    name: str,
    axes: Sequence[str],
    weights: np.ndarray,
    ids: np.ndarray,
    spec: FeatureSpec,
    given: Mapping[str, Sequence[str | None]],
) -> Attention:
    """Label the axes, and remove padding, whose label is None."""
    labels: list[tuple[str, ...]] = []
    for place, axis in enumerate(axes):
        size = weights.shape[place]
        if axis.startswith("history"):
            events = np.flatnonzero(ids != PADDING_ID)
            behind = range(len(ids), size)  # for instance the candidate or its features, after the events
            weights = np.take(weights, [*events.tolist(), *behind], axis=place)
            own = [spec.title(int(ids[at])) for at in events]
            name_behind = axis.partition("+")[2]
            labels.append((*own, *given.get(name_behind, [f"the {name_behind}" for _ in behind])))
        elif axis in given:
            real = [at for at, label in enumerate(given[axis]) if label is not None]
            weights = np.take(weights, real, axis=place)
            labels.append(tuple(given[axis][at] for at in real))
        else:
            labels.append(tuple(f"{axis} {number + 1}" for number in range(size)))
    return Attention(name, tuple(axes), tuple(labels), weights)
