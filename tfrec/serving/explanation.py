"""What a ranking model attends to when it scores an item, in words and titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from tfrec.data import FeatureSpec
from tfrec.errors import InputError
from tfrec.models import RankingModel
from tfrec.ops import PADDING_ID
from tfrec.serving.ranking_reference import ranking_inputs


class Attention(NamedTuple):
    """The weights of one attention, for one row.

    Attributes:
        name: the model's word for it.
        axes: names of the axes.
        labels: what stands along each axis: titles, names of features, numbers of heads.
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
    """The score of one item, and the weights of every attention that led to it.

    Args:
        model: a ranking model with attention.
        spec: what it was trained with.
        item: a raw id; None where the spec has no items.
        history: raw ids, oldest first.
        features: column -> the raw value, of features of the user and of the context. What is left out is missing.
        history_labels: what the items of the history were labelled with; None knows none.

    Returns:
        the probability or rating, and the weights, without what stands at padding.

    Raises:
        InputError: where the model has no attention, or an argument does not fit it.
    """
    if not model.attention_axes:
        raise InputError(f"{type(model).__name__} has no attention, so there are no weights to show.")
    if len(history) and "history" not in model.input_names:
        raise InputError(f"{type(model).__name__} reads no history: leave it out, and name the item to score.")
    inputs = ranking_inputs(
        model,
        spec,
        None if item is None else [[item]],
        [list(history)],
        {name: [value] for name, value in (features or {}).items()},
        None if history_labels is None else [list(history_labels)],
    )
    score = float(keras.ops.convert_to_numpy(model.score(inputs))[0])
    found = []
    for name, weights in model.attention_weights(inputs).items():
        found.append(_labelled(model, spec, name, keras.ops.convert_to_numpy(weights)[0], inputs))
    return score, found


def _labelled(
    model: RankingModel, spec: FeatureSpec, name: str, weights: np.ndarray, inputs: Mapping[str, np.ndarray]
) -> Attention:
    axes, labels = tuple(model.attention_axes[name]), []
    for place, axis in enumerate(axes):
        size = weights.shape[place]
        if axis.startswith("history"):
            ids = inputs["history"][0]
            events = np.flatnonzero(ids != PADDING_ID)
            own = [spec.title(int(ids[at])) for at in events]
            behind = range(len(ids), size)  # the candidate, where it stands behind the events
            weights = np.take(weights, [*events.tolist(), *behind], axis=place)
            labels.append((*own, *("the candidate" for _ in behind)))
        elif axis in model.attention_labels:
            labels.append(tuple(model.attention_labels[axis]))
        else:
            labels.append(tuple(f"{axis} {number + 1}" for number in range(size)))
    return Attention(name, axes, tuple(labels), weights)
