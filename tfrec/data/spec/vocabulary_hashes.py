"""What the integers of a spec mean, as hashes: equal where two specs give an id the same meaning."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from tfrec.data.features import Feature

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tfrec.data.feature_spec import FeatureSpec

_Data = TypeVar("_Data")


def vocabulary_hashes(spec: FeatureSpec) -> Mapping[str, str]:
    """Hashes by name: "item" of the item vocabulary, one for each feature, "history_label" of the labels' levels.

    The hash of a feature covers all that it was fitted to: a vocabulary, buckets, a mean.
    """
    found = {feature.column: _of_feature(feature) for feature in spec.features}
    if spec.num_items:
        found["item"] = _digest(spec.items.tokens)
    if spec.label_levels:
        found["history_label"] = _digest(map(repr, map(float, spec.label_levels)))
    return found


def with_vocabulary(batches: _Data, spec: FeatureSpec) -> _Data:
    """The dataset itself, which from now on says what its ids are; see `tfrec.models.Recommender`."""
    batches.tfrec_vocabulary = spec.vocabulary_hashes
    return batches


def _of_feature(feature: Feature) -> str:
    tokens: Any = getattr(getattr(feature, "tokens", None), "vocabulary", None)
    own = json.dumps(feature.to_json(), sort_keys=True, default=repr)
    return _digest([own, *([] if tokens is None else tokens.tokens)])


def _digest(texts: Iterable[str]) -> str:
    # No token holds a line break.
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
