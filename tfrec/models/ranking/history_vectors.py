"""Map the events of a history and the candidate to one vector space, for the models that compare them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from tfrec.layers import MLP, Dice
from tfrec.models.feature_inputs import features_in_groups
from tfrec.ops import PADDING_ID


class HistoryVectors(NamedTuple):
    """The vectors of a history, of its candidate, and of the other features of a row.

    Attributes:
        keys: (B, L, W), a vector for each event. Vectors at padding are meaningless.
        query: (B, W), the vector that the candidate would have as an event.
        mask: (B, L) bool, True at events.
        rest: (B, D) each, the vectors of the features that are not part of an event.
    """

    keys: Any
    query: Any
    mask: Any
    rest: list[Any]


def paired_features(features: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The sequences of features that the candidate has too: (sequence, feature), `history` first.

    Raises:
        ValueError: if there is no sequence `history` of a feature `item`.

    Example:
        >>> item = {"name": "item", "kind": "categorical", "group": "item", "size": 9}
        >>> history = {"name": "history", "kind": "sequence", "group": "history", "length": 5, "of": "item"}
        >>> paired_features([item, history])
        [('history', 'item')]
    """
    pairs = [(one["name"], one["of"]) for one in features_in_groups(features, "history") if one.get("of")]
    if ("history", "item") not in pairs or "item" not in {one["name"] for one in features}:
        raise ValueError(
            "This model compares the candidate with the history: it needs a feature 'item' and a sequence 'history' of "
            f"it, got the features {[one['name'] for one in features]}. Fit the FeatureSpec with a History (in a "
            "recipe, add a table [history]), or use a model without a history."
        )
    return sorted(pairs, key=lambda pair: pair[0] != "history")


def pair_history_with_candidate(
    features: Sequence[Mapping[str, Any]],
    inputs: Mapping[str, Any],
    vectors: Mapping[str, Any],
    seed: int | None = None,
    dtype: Any = None,
) -> HistoryVectors:
    """Concatenate the feature vectors of the events and of the candidate, in the same order.

    ```
    keys[l] = [e(history[l]), e(history_genres[l]), ..] + sum over sequences of their own s:  e(s[l]) W_s
    query   = [e(item),       e(genres),            ..]
    ```

    Sequences with their own vectors, such as `history_label`, have no counterpart at the candidate: a learned map W_s
    brings them to the width of an event, and they are added to the keys only.

    Args:
        features: as described in `tfrec.models.feature_inputs`.
        inputs: the model's inputs by name.
        vectors: output of `tfrec.layers.FeatureEmbedding` for the inputs, all of width D.
        seed: seed of the initial maps.
        dtype: dtype policy of the maps.

    Raises:
        ValueError: if there is no sequence `history` of a feature `item`.
    """
    pairs = paired_features(features)
    keys, query = ([vectors[name] for name in side] for side in zip(*pairs, strict=True))
    keys, query = (ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0] for parts in (keys, query))
    for i, name in enumerate(one["name"] for one in features_in_groups(features, "history") if not one.get("of")):
        start = keras.initializers.GlorotUniform(None if seed is None else seed + 49979687 * (i + 1))
        to_event = keras.layers.Dense(
            query.shape[-1], use_bias=False, kernel_initializer=start, dtype=dtype, name=f"{name}_map"
        )
        keys = keys + to_event(vectors[name])
    in_events = {name for _, name in pairs}
    rest = [
        one["name"] for one in features_in_groups(features, "user", "item", "context") if one["name"] not in in_events
    ]
    return HistoryVectors(keys, query, ops.not_equal(inputs["history"], PADDING_ID), [vectors[name] for name in rest])


def all_features_network(
    hidden_dims: Sequence[int], activation: str, dropout: float, batch_norm: bool, seed: int | None, dtype: Any
) -> MLP:
    """The MLP over the vectors of all features; `activation` may also be "dice"."""
    activation = Dice(dtype=dtype) if activation == "dice" else activation
    return MLP(hidden_dims, activation, dropout, batch_norm, seed, dtype=dtype, name="deep")


def event_vectors(things: Sequence[Any], marks: Sequence[Any]) -> Any:
    """The vectors of events: the vector of the item, changed by the feedback on it.

    `event = thing + mark + thing * mark`, where `thing` is the sum of `things` and `mark` the sum of `marks`.

    The product lets feedback change each component. Without it, attention, which is linear in its values, could not
    interpret an item rated 1 differently from the same item rated 5, apart from a constant shift.

    Args:
        things: (B, L, D) each, such as the vectors of `history` and `history_genres`.
        marks: (B, L, D) each, such as the vectors of `history_label`; may be empty.
    """
    thing = sum(things[1:], things[0])
    if not marks:
        return thing
    mark = sum(marks[1:], marks[0])
    return thing + mark + thing * mark
