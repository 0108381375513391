"""Run a ranking model so that a user is encoded once, not once per candidate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from keras import tree

from tfrec.layers import FeatureEmbedding
from tfrec.models import RankingModel

Tensors = Mapping[str, Any]


def scores_of(model: RankingModel, users: Tensors, candidates: Tensors, times: Any, once: bool = True) -> Any:
    """The same scores as `model.score`, for each candidate of each user: (B * N,) float32.

    A functional model is a graph of operations. An operation without candidate inputs runs on B rows. Where an
    operation reads both, the rows of users are repeated. So an encoder of the history runs once per user.

    Args:
        model: a functional model whose operations treat each row independently.
        users: user and context inputs by name, (B, ...).
        candidates: candidate inputs by name, (B * N, ...), with the candidates of a user in consecutive rows.
        times: N, an int32 scalar.
        once: False repeats the inputs instead.
    """
    if not once:
        repeated = {name: repeat_rows(values, times) for name, values in users.items()}
        return model.score({**repeated, **candidates})
    values = {id(x): candidates[x.name] if x.name in candidates else users[x.name] for x in model.inputs}
    wide = {id(x) for x in model.inputs if x.name in candidates}
    twins: dict[int, Any] = {}

    def widened(x: Any) -> Any:
        if id(x) in wide or x.shape[:1] != (None,):  # already one row per candidate, or without a batch axis
            return values[id(x)]
        if id(x) not in twins:
            twins[id(x)] = repeat_rows(values[id(x)], times)
        return twins[id(x)]

    for node in _nodes(model):
        mixed = any(id(x) in wide for x in node.input_tensors)
        by_name = isinstance(node.operation, FeatureEmbedding)  # embeds each input on its own
        given = {id(x): widened(x) for x in node.input_tensors} if mixed and not by_name else values
        arguments, named = node.arguments.fill_in(given)
        if getattr(node.operation, "_call_has_training_arg", False):
            named["training"] = False
        outputs = node.operation(*arguments, **named)
        if by_name:
            is_wide = tree.flatten({name: name in candidates for name in outputs})
        else:
            is_wide = [mixed] * len(node.outputs)
        for x, value, of_candidates in zip(node.outputs, tree.flatten(outputs), is_wide, strict=True):
            values[id(x)] = value
            wide |= {id(x)} if of_candidates else set()
    return tf.squeeze(model.readable(widened(model.outputs[0])), axis=-1)


def runs_once(model: RankingModel) -> bool:
    """Whether `scores_of` gives the same scores with and without `once` on random rows, so that `once` is safe."""
    random, users, candidates = np.random.default_rng(0), {}, {}
    by_name = {feature["name"]: feature for feature in model.features}
    for x in model.inputs:
        feature = by_name[x.name]
        of_item, size = feature["group"] == "item", by_name.get(feature.get("of") or x.name, feature).get("size")
        shape = (6 if of_item else 2, *(5 if axis is None else axis for axis in x.shape[1:]))
        drawn = random.normal(size=shape) if size is None else random.integers(1, size, shape)
        (candidates if of_item else users)[x.name] = tf.constant(drawn, x.dtype)
    try:
        one, other = (scores_of(model, users, candidates, tf.constant(3), once).numpy() for once in (True, False))
    except (AttributeError, KeyError, TypeError, ValueError, tf.errors.InvalidArgumentError):
        return False  # an operation that reads several rows, or a model that is not a plain graph
    return one.shape == other.shape and np.allclose(one, other, atol=1e-5)


def repeat_rows(values: Any, times: Any) -> Any:
    """(B, ...) -> (B * times, ...): each row is repeated `times` times."""
    shape = tf.shape(values)
    wide = tf.broadcast_to(values[:, None], tf.concat([shape[:1], [times], shape[1:]], axis=0))
    flat = tf.reshape(wide, tf.concat([[shape[0] * times], shape[1:]], axis=0))
    return tf.ensure_shape(flat, (None, *values.shape[1:]))


def _nodes(model: RankingModel) -> list[Any]:
    """The operations of a functional model in topological order."""
    levels = model._nodes_by_depth
    found = [node for depth in sorted(levels, reverse=True) for node in levels[depth]]
    return [node for node in found if node.operation and not node.is_input]
