"""Encoded features of users or items, looked up by id."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.ops import check_size

_FLOATS = ("numeric", "vector")


@keras.saving.register_keras_serializable(package="tfrec")
class FeatureTables(keras.layers.Layer):
    """Tables of encoded features, which turn ids into features inside a model.

    They are weights that are not trained, so a saved model contains its features. Until `assign`, all features are
    missing. Missing numbers and vectors are NaN, as in `tfrec.layers.FeatureEmbedding`, but stored as zeros with a
    mark, since weights must be finite.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`.
        num_rows: number of ids, reserved ids included.

    Shapes:
        input (B,) ids; output a dict: categorical (B,), multi-valued (B, M), numeric (B,), vector (B, E).

    Example:
        >>> import numpy as np
        >>> tables = FeatureTables([{"name": "age", "kind": "numeric", "group": "user"}], num_rows=4)
        >>> tables.build()
        >>> tables.assign({"age": np.array([np.nan, np.nan, 0.5, -1.0], "float32")})
        >>> np.asarray(tables(np.array([3, 1]))["age"]).tolist()
        [-1.0, nan]
    """

    def __init__(self, features: Sequence[Mapping[str, Any]], num_rows: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.features = [dict(feature) for feature in features]
        self.num_rows = check_size("num_rows", num_rows)

    def build(self, input_shape: Any = None) -> None:
        self._values: dict[str, Any] = {}
        self._missing: dict[str, Any] = {}
        for feature in self.features:
            name = feature["name"]
            label = re.sub(r"[^A-Za-z0-9_]", "_", name)
            fixed = {"initializer": "zeros", "trainable": False, "autocast": False}
            self._values[name] = self.add_weight(
                name=label, shape=(self.num_rows, *_width(feature)), dtype=_dtype(feature), **fixed
            )
            if feature["kind"] in _FLOATS:
                shape = (self.num_rows,)
                fixed["initializer"] = "ones"
                self._missing[name] = self.add_weight(name=f"{label}_missing", shape=shape, dtype="uint8", **fixed)
        self.built = True

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set the features of all ids.

        Args:
            arrays: name -> (num_rows, ...) encoded values, such as `FeatureSpec.item_features`; others are ignored.

        Raises:
            ValueError: if a feature is missing or its values have another shape.
        """
        for feature in self.features:
            name = feature["name"]
            wanted, found = (self.num_rows, *_width(feature)), None if name not in arrays else np.asarray(arrays[name])
            if found is None or found.shape != wanted:
                came = "no values" if found is None else f"shape {found.shape}"
                raise ValueError(f"The feature '{name}' needs encoded values of shape {wanted}, got {came}.")
            if feature["kind"] in _FLOATS:
                is_missing = np.isnan(found.reshape(len(found), -1)).any(axis=1)
                self._missing[name].assign(is_missing.astype("uint8"))
                found = np.where(np.isnan(found), 0, found)
            self._values[name].assign(found.astype(_dtype(feature)))

    def call(self, ids: Any) -> dict[str, Any]:
        return {feature["name"]: self._looked_up(feature, ids) for feature in self.features}

    def _looked_up(self, feature: Mapping[str, Any], ids: Any) -> Any:
        values = ops.take(self._values[feature["name"]], ids, axis=0)
        if feature["kind"] not in _FLOATS:
            return values
        is_missing = ops.take(self._missing[feature["name"]], ids, axis=0) > 0
        is_missing = ops.expand_dims(is_missing, -1) if feature["kind"] == "vector" else is_missing
        return ops.where(is_missing, float("nan"), values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "features": self.features, "num_rows": self.num_rows}


def is_given(feature: Mapping[str, Any], values: Any) -> Any:
    """Which rows have a value of a feature, (B,) bool."""
    if feature["kind"] == "numeric":
        return ops.logical_not(ops.isnan(values))
    if feature["kind"] == "vector":
        return ops.logical_not(ops.any(ops.isnan(values), axis=-1))
    found = ops.not_equal(values, 0)
    return ops.any(found, axis=-1) if feature["kind"] == "multivalued" else found


def _width(feature: Mapping[str, Any]) -> tuple[int, ...]:
    return {"multivalued": (feature.get("length"),), "vector": (feature.get("dim"),)}.get(feature["kind"], ())


def _dtype(feature: Mapping[str, Any]) -> str:
    return "float32" if feature["kind"] in _FLOATS else "int32"
