"""Encode raw user and context features for a ranking model, inside the graph."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfrec.data.features import Feature, Tokens
from tfrec.data.features.numeric import LIMIT
from tfrec.reserved_ids import RESERVED_IDS, UNKNOWN_ID
from tfrec.serving.graph.named_inputs import Input, given_or

# Names of the other inputs of signatures.
_TAKEN = ("history", "history_labels", "timestamps", "item_ids", "exclude", "allow", "scores", "self")
_NO_VALUE = r"\C*[\n\r\x00]\C*"  # values that a vocabulary file cannot contain are missing, as in training


def input_names(features: Sequence[Feature]) -> dict[str, str]:
    """Column -> input name: the column itself if TensorFlow accepts it as a name.

    Example:
        >>> from tfrec.data.features import Categorical
        >>> input_names([Categorical("zip code"), Categorical("history"), Categorical("1st")])
        {'zip code': 'zip_code', 'history': 'history_value', '1st': 'f_1st'}
    """
    found: dict[str, str] = {}
    for feature in features:
        name = re.sub(r"[^A-Za-z0-9_]", "_", feature.column)
        name = name if name[0].isalpha() else f"f_{name}"
        # REST decodes inputs named *_bytes as base64.
        if name in _TAKEN or keyword.iskeyword(name) or name.endswith("_bytes"):
            name = f"{name}_value"
        while name.lower() in {other.lower() for other in found.values()}:  # TensorFlow ignores upper and lower case
            name = f"{name}_"
        found[feature.column] = name
    return found


class RawFeatures(tf.Module):
    """Encodes features in the same way as `tfrec.data.features.Feature.encode`.

    Args:
        features: fitted user and context features.
        folder: where vocabulary files are written, for `tf.saved_model.save` to copy.
        prefix: prefix of the file names.
    """

    def __init__(self, features: Sequence[Feature], folder: Path, prefix: str = "") -> None:
        super().__init__(name="raw_features")
        self._features = tuple(features)
        self._names = input_names(features)
        self.tables = {
            self._names[one.column]: ValueIds(one.tokens, folder / f"{prefix}{self._names[one.column]}.txt")
            for one in features
            if one.kind in ("categorical", "multivalued")
        }
        self.inputs = [self._input(one) for one in features]

    def read(self, given: Mapping[str, tf.Tensor], batch: tf.Tensor) -> dict[str, tf.Tensor]:
        """Column -> encoded values of B rows. Each tensor has B rows or one for all; omitted features are missing."""
        found = {}
        for feature, one in zip(self._features, self.inputs, strict=True):
            rows = given.get(one.name)
            rows = tf.constant(one.default, one.dtype) if rows is None else rows
            found[feature.column] = self._encoded(feature, given_or(rows, batch, one.name))
        return found

    def encoded_specs(self) -> dict[str, tf.TensorSpec]:
        """Column -> shape and type of the values that `read` returns."""
        return {
            one.column: tf.TensorSpec((None, *one.width), tf.as_dtype(one.dtype), name=f"feature_{number}")
            for number, one in enumerate(self._features)
        }

    def _input(self, feature: Feature) -> Input:
        name = self._names[feature.column]
        if feature.kind == "categorical":
            return Input(name, rank=1, optional=True, default=[""])
        if feature.kind == "multivalued":
            return Input(name, optional=True, default=[[""]])
        if feature.kind == "numeric":
            return Input(name, tf.float32, rank=1, optional=True, default=[np.nan])
        return Input(name, tf.float32, optional=True, default=[[np.nan] * feature.dim], width=feature.dim)

    def _encoded(self, feature: Feature, rows: tf.Tensor) -> tf.Tensor:
        if feature.kind == "numeric":
            return scaled(rows, feature.mean, feature.deviation, feature.scaling == "log")
        if feature.kind == "vector":
            is_given = tf.reduce_all(tf.math.is_finite(rows), axis=1, keepdims=True)
            return tf.where(is_given, rows, np.float32(np.nan))
        ids = self.tables[self._names[feature.column]].encode(rows)
        return ids if feature.kind == "categorical" else first_values(ids, feature.max_values)


class ValueIds(tf.Module):
    """Ids of texts, the same as those of `tfrec.data.features.Tokens`.

    Args:
        tokens: a vocabulary or a hash.
        path: where the vocabulary is written, for `tf.saved_model.save` to copy.
    """

    def __init__(self, tokens: Tokens, path: Path) -> None:
        super().__init__(name="value_ids")
        self._buckets = tokens.hash_buckets
        self.table = None
        if tokens.vocabulary is not None and len(tokens.vocabulary):
            tokens.vocabulary.save(path)
            whole, line = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
            lines = tf.lookup.TextFileInitializer(str(path), tf.string, whole, tf.int64, line)
            self.table = tf.lookup.StaticHashTable(lines, default_value=UNKNOWN_ID - RESERVED_IDS)

    def encode(self, texts: tf.Tensor) -> tf.Tensor:
        """Texts of any shape -> int32 ids: 0 for missing values, 1 for values that are not in the training data."""
        if self._buckets is not None:
            ids = tf.strings.to_hash_bucket_fast(texts, self._buckets) + RESERVED_IDS
        elif self.table is not None:
            ids = self.table.lookup(texts) + RESERVED_IDS
        else:
            ids = tf.ones_like(texts, tf.int64)
        is_missing = (texts == "") | tf.strings.regex_full_match(texts, _NO_VALUE)
        return tf.where(is_missing, 0, tf.cast(ids, tf.int32))


def scaled(numbers: tf.Tensor, mean: float, deviation: float, log: bool) -> tf.Tensor:
    """(B,) float32 raw numbers -> (B,) float32, scaled in float64 like `tfrec.data.features.Numeric`."""
    numbers = tf.cast(numbers, tf.float64)
    is_number = tf.math.is_finite(numbers)
    numbers = tf.where(is_number, numbers, tf.zeros_like(numbers))
    if log:
        numbers = tf.sign(numbers) * tf.math.log1p(tf.abs(numbers))
    cut = tf.clip_by_value((numbers - mean) / deviation, -LIMIT, LIMIT)
    return tf.where(is_number, tf.cast(cut, tf.float32), np.float32(np.nan))


def first_values(ids: tf.Tensor, width: int) -> tf.Tensor:
    """(B, W) ids with zeros in any place -> (B, M), the first M ids other than 0, padded on the right."""
    order = tf.argsort(tf.cast(ids == 0, tf.int32), axis=1, stable=True)
    ids = tf.gather(ids, order, batch_dims=1)[:, :width]
    ids = tf.pad(ids, [[0, 0], [0, width - tf.shape(ids)[1]]])
    return tf.ensure_shape(ids, (None, width))
