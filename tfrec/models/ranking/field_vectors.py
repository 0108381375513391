"""What models of feature interactions share: a vector for each field, and what the fields say on their own."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import FeatureEmbedding
from tfrec.models.feature_inputs import check_features, of_groups


def field_features(features: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The fields: the features of users, items and contexts, in their order. Histories are left out.

    Raises:
        ValueError: if there are fewer than two, as there is nothing to interact, or a feature is none.
    """
    fields = of_groups(check_features(features), "user", "item", "context")
    if len(fields) < 2:
        raise ValueError(
            "Expected at least two features of the groups user, item and context, to learn their interactions: "
            f"got {[field['name'] for field in fields]}."
        )
    return fields


def field_vectors(
    fields: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any], dim: int, l2: float, seed: int | None, policy: Any
) -> Any:
    """The vectors of all fields, one below the other: (B, F, D)."""
    regularizer = keras.regularizers.L2(l2) if l2 else None
    # Sums over all pairs of fields make noise of the vectors of rare values, which hardly leave where they begin.
    # DeepFM's best validation AUC, two seeds: on ml-100k .7777, .7761 at 0.05 and .7801, .7786 at 0.01; on
    # criteo-sample no difference (.7381, .7315 and .7375, .7327).
    embedding = FeatureEmbedding(fields, dim, regularizer, scale=0.01, seed=seed, dtype=policy, name="embedding")
    return _stacked(embedding(inputs), fields)


def linear_terms(fields: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any], policy: Any) -> Any:
    """The sum of a weight for each value: (B, 1) float32. It begins at 0."""
    weights = FeatureEmbedding(fields, dim=1, scale=0.0, dtype=policy, name="linear")(inputs)
    return ops.sum(ops.cast(_stacked(weights, fields), "float32"), axis=1)


def output_map(output_bias: float, seed: int | None, averaged: int = 1) -> keras.layers.Dense:
    """The last map of a ranking model: to one float32 number that begins near `output_bias`.

    What it reads may be a mean of `averaged` terms, whose variance is that much smaller: its own is larger.
    """
    return keras.layers.Dense(
        1,
        # Glorot's, where nothing was averaged.
        kernel_initializer=keras.initializers.VarianceScaling(averaged, "fan_avg", "uniform", seed),
        bias_initializer=keras.initializers.Constant(output_bias),
        dtype="float32",
        name="output",
    )


def _stacked(vectors: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> Any:
    return ops.stack([vectors[field["name"]] for field in fields], axis=1)
