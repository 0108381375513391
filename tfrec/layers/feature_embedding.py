"""Embeddings for features of all kinds."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfrec")
class FeatureEmbedding(keras.layers.Layer):
    """Embeds features of all kinds into vectors of the same width, with learned vectors for missing values.

    ```
    categorical, id c:           e = T[c];                T[0] for missing, T[1] for unseen values
    multi-valued, ids c1 .. cm:  e = mean of T[c_j] over c_j != 0;  T[0] if all are 0
    numeric, x:                  e = x v + b;             m if x is NaN
    vector, x:                   e = W x + b;             m if any component of x is NaN
    sequence of a feature:       that feature's e at each position, from the same table
    ```

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`; sequences share the tables of the features
            named by `of`, which need not be among the inputs.
        dim: D, width of all vectors.
        regularizer: regularizer of the tables, or None.
        scale: standard deviation of the initial weights.
        seed: seed of the initial weights.

    Shapes:
        input: dict of tensors by feature name; output: dict of (B, D) and, for sequences, (B, L, D).

    Raises:
        ValueError: if an input is missing.

    Example:
        >>> import numpy as np
        >>> layer = FeatureEmbedding([{"name": "age", "kind": "numeric", "group": "user"}], dim=4)
        >>> layer({"age": np.array([0.5, np.nan], "float32")})["age"].shape
        TensorShape([2, 4])
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        dim: int,
        regularizer: Any = None,
        scale: float = 0.05,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.features = [dict(feature) for feature in features]
        self.dim = dim
        self.regularizer = keras.regularizers.get(regularizer)
        self.scale = scale
        self.seed = seed
        self._by_name = {feature["name"]: feature for feature in self.features}

    def build(self, input_shape: Any = None) -> None:
        self._tables: dict[str, Any] = {}
        self._maps: dict[str, Any] = {}
        self._missing: dict[str, Any] = {}
        for feature in self.features:
            name, kind = feature["name"], feature["kind"]
            if kind == "sequence" and feature.get("of"):
                continue
            label = re.sub(r"[^A-Za-z0-9_]", "_", name)  # columns may have names that TensorFlow's variables may not
            # Each table has its own seed: otherwise different features would start with equal vectors.
            seed = None if self.seed is None else self.seed + 7919 * (len(self._tables) + len(self._maps) + 1)
            start = keras.initializers.RandomNormal(stddev=self.scale, seed=seed)
            if kind in ("numeric", "vector"):
                wide = feature.get("dim", 1)
                self._maps[name] = (
                    self.add_weight(name=f"{label}_map", shape=(wide, self.dim), initializer=start),
                    self.add_weight(name=f"{label}_bias", shape=(self.dim,), initializer="zeros"),
                )
                self._missing[name] = self.add_weight(name=f"{label}_missing", shape=(self.dim,), initializer="zeros")
            else:
                self._tables[name] = self.add_weight(
                    name=f"{label}_table",
                    shape=(feature["size"], self.dim),
                    initializer=start,
                    regularizer=self.regularizer,
                    autocast=False,  # the looked-up rows are cast, not the whole table
                )

    def call(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        absent = [name for name in self._by_name if name not in inputs and self._is_needed(name, inputs)]
        if absent:
            raise ValueError(f"The input '{absent[0]}' is missing: expected {list(self._by_name)}, got {list(inputs)}.")
        return {name: self._vectors(self._by_name[name], values) for name, values in inputs.items()}

    def _is_needed(self, name: str, inputs: Mapping[str, Any]) -> bool:
        # A table may exist only for a sequence.
        return not any(self._by_name[other].get("of") == name for other in inputs)

    def _vectors(self, feature: Mapping[str, Any], values: Any) -> Any:
        source = self._by_name[feature["of"]] if feature.get("of") else feature
        name, kind = source["name"], source["kind"]
        if kind in ("numeric", "vector"):
            weights, bias = self._maps[name]
            values = ops.cast(values, self.compute_dtype)
            values = ops.expand_dims(values, -1) if kind == "numeric" else values
            is_missing = ops.any(ops.isnan(values), axis=-1, keepdims=True)
            # Replace NaN before it meets a weight: NaN times 0 is NaN and would destroy the gradient.
            values = ops.where(ops.isnan(values), ops.zeros_like(values), values)
            found = ops.matmul(values, ops.cast(weights, self.compute_dtype)) + ops.cast(bias, self.compute_dtype)
            return ops.where(is_missing, ops.cast(self._missing[name], self.compute_dtype), found)
        vectors = self._looked_up(name, values)
        if kind != "multivalued":
            return vectors
        is_value = ops.cast(ops.not_equal(values, 0), self.compute_dtype)
        count = ops.sum(is_value, axis=-1, keepdims=True)
        mean = ops.sum(vectors * ops.expand_dims(is_value, -1), axis=-2) / ops.maximum(count, 1)
        return ops.where(ops.equal(count, 0), self._looked_up(name, [0]), mean)

    def _looked_up(self, name: str, ids: Any) -> Any:
        return ops.cast(ops.take(self._tables[name], ids, axis=0), self.compute_dtype)

    def compute_output_shape(self, input_shape: Mapping[str, tuple[int | None, ...]]) -> dict[str, Any]:
        return {
            name: (*shape[: 2 if self._by_name[name]["kind"] == "sequence" else 1], self.dim)
            for name, shape in input_shape.items()
        }

    def get_config(self) -> dict[str, Any]:
        own = {"features": self.features, "dim": self.dim, "scale": self.scale, "seed": self.seed}
        return {**super().get_config(), **own, "regularizer": keras.regularizers.serialize(self.regularizer)}
