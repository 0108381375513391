"""Parts shared by models of feature interactions: a vector for each field, linear terms, and the output layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import FeatureEmbedding
from tfrec.models.feature_inputs import check_features, features_in_groups


def field_features(features: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The fields: the features of users, items and contexts, in their order. Histories are left out.

    Raises:
        ValueError: if there are fewer than two fields, or a feature is invalid.
    """
    fields = features_in_groups(check_features(features), "user", "item", "context")
    if len(fields) < 2:
        raise ValueError(
            "A model of feature interactions needs at least two features of the groups user, item and context, "
            f"got {[field['name'] for field in fields]}."
        )
    return fields


def field_vectors(
    fields: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any], dim: int, l2: float, seed: int | None, policy: Any
) -> Any:
    """The vectors of all fields, stacked: (B, F, D)."""
    regularizer = keras.regularizers.L2(l2) if l2 else None
    # A small scale, because vectors of rare values stay near their random initial values and add noise to sums over all
    # pairs of fields. DeepFM's best validation AUC, two seeds: on ml-100k .7777, .7761 at 0.05 and .7801, .7786 at
    # 0.01; on criteo-sample no difference (.7381, .7315 and .7375, .7327).
    embedding = FeatureEmbedding(fields, dim, regularizer, scale=0.01, seed=seed, dtype=policy, name="embedding")
    return _stacked(embedding(inputs), fields)


def linear_terms(fields: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any], policy: Any) -> Any:
    """The sum of one weight per value: (B, 1) float32. The weights start at 0."""
    weights = FeatureEmbedding(fields, dim=1, scale=0.0, dtype=policy, name="linear")(inputs)
    return ops.sum(ops.cast(_stacked(weights, fields), "float32"), axis=1)


def output_map(output_bias: float, seed: int | None, averaged: int = 1) -> keras.layers.Dense:
    """The output layer of a ranking model: a Dense layer with one float32 output that starts near `output_bias`.

    If its input is a mean of `averaged` terms, the variance of the input is smaller by that factor, and the variance of
    the initial kernel is larger by it.
    """
    return keras.layers.Dense(
        1,
        # Glorot's initializer if averaged is 1.
        kernel_initializer=keras.initializers.VarianceScaling(averaged, "fan_avg", "uniform", seed),
        bias_initializer=keras.initializers.Constant(output_bias),
        dtype="float32",
        name="output",
    )


def _stacked(vectors: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> Any:
    return ops.stack([vectors[field["name"]] for field in fields], axis=1)
