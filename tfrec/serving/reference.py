"""What an export must answer, computed in Python from the preset."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from tfrec.data import FeatureSpec
from tfrec.data.ids import id_text
from tfrec.errors import InputError
from tfrec.models import RetrievalModel
from tfrec.ops import is_item, mask_items, top_items


def recommend(
    model: RetrievalModel, spec: FeatureSpec, histories: Sequence[Sequence[str]], k: int = 10
) -> tuple[list[list[str]], np.ndarray]:
    """The K best items for histories of raw ids, best first; nothing that stands in a history is recommended.

    Unknown ids are ignored. A history that knows no item is answered by popularity: the score is the logarithm of the
    item's share of all interactions. Where fewer than K items are left, "" with score -inf stands.

    Args:
        model: a retrieval model.
        spec: what it was trained with.
        histories: B lists of raw ids, oldest first; 7 and "7" are the same id.
        k: how many, at most the number of items.

    Returns:
        B lists of K raw ids, and (B, K) float32 scores.
    """
    known = [ids[is_known] for ids in map(spec.items.encode, map(_array, histories)) for is_known in [ids > 1]]
    newest = _pad([ids[-spec.max_length :] for ids in known])[:, -spec.max_length :]
    scores = keras.ops.convert_to_numpy(model.score({"history": newest}))
    has_history = is_item(newest[:, -1:])
    scores = keras.ops.where(has_history, scores, popularity_scores(spec))
    ids, best = top_items(mask_items(scores, _pad(known)), min(k, spec.num_items))
    return [spec.items.decode(row) for row in keras.ops.convert_to_numpy(ids)], keras.ops.convert_to_numpy(best)


def popularity_scores(spec: FeatureSpec) -> np.ndarray:
    """log(share of all interactions) of every id, (V + 2,) float32; -inf for ids 0 and 1."""
    share = spec.item_counts / max(spec.item_counts.sum(), 1)
    return np.concatenate([[-np.inf, -np.inf], np.log(np.maximum(share, 1e-12))]).astype(np.float32)


def _array(history: Sequence[str]) -> np.ndarray:
    if isinstance(history, str):
        raise InputError(f"A history is a list of ids, got the string {history!r}: give [[{history!r}]].")
    return np.array([id_text(item) for item in history], dtype=object)


def _pad(rows: list[np.ndarray]) -> np.ndarray:
    width = max(2, *(len(row) for row in rows))  # Keras warns of a softmax over one position
    return np.stack([np.concatenate([np.zeros(width - len(row), np.int32), row]) for row in rows]).astype(np.int32)
