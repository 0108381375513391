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
    model: RetrievalModel,
    spec: FeatureSpec,
    histories: Sequence[Sequence[str]],
    k: int = 10,
    timestamps: Sequence[Sequence[int]] | None = None,
) -> tuple[list[list[str]], np.ndarray]:
    """The K best items for histories of raw ids, best first; nothing that stands in a history is recommended.

    Unknown ids are ignored, with their time stamps. A history that knows no item is answered by popularity: the score
    is the logarithm of the item's share of all interactions. Where fewer than K items are left, "" with score -inf
    stands.

    Args:
        model: a retrieval model.
        spec: what it was trained with.
        histories: B lists of raw ids, oldest first; 7 and "7" are the same id.
        k: how many, at most the number of items.
        timestamps: when each item of each history was met, seconds since 1970, for a model that reads them.

    Returns:
        B lists of K raw ids, and (B, K) float32 scores.

    Raises:
        InputError: where time stamps are missing, superfluous, not numbers, or not one an item.
    """
    codes = [spec.items.encode(_array(history)) for history in histories]
    known = [ids[ids > 1] for ids in codes]
    inputs = {"history": known}
    stamps = _checked(timestamps, model, codes)
    if stamps is not None:
        inputs["timestamps"] = [row[ids > 1] for row, ids in zip(stamps, codes, strict=True)]
    newest = {
        name: _pad([row[-spec.max_length :] for row in rows])[:, -spec.max_length :] for name, rows in inputs.items()
    }
    scores = keras.ops.convert_to_numpy(model.score(newest))
    has_history = is_item(newest["history"][:, -1:])
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


def _checked(
    timestamps: Sequence[Sequence[int]] | None, model: RetrievalModel, histories: Sequence[np.ndarray]
) -> list[np.ndarray] | None:
    reads = "timestamps" in model.input_names
    if timestamps is None and not reads:
        return None
    if timestamps is None:
        raise InputError(
            f"{model.name} reads time stamps: give timestamps (--timestamps on the command line), when each item of "
            "the history was met, in seconds since 1970."
        )
    if not reads:
        raise InputError(f"{model.name} reads no time stamps: leave them out.")
    if len(timestamps) != len(histories):
        raise InputError(f"There are {len(histories)} histories and the time stamps of {len(timestamps)}.")
    stamps = [np.asarray(row) for row in timestamps]
    for row, history in zip(stamps, histories, strict=True):
        if row.shape != history.shape:
            raise InputError(
                f"A history of {len(history)} items needs as many time stamps, in the same order: got {row.size}."
            )
        if row.size and (row.dtype.kind not in "iuf" or not np.isfinite(row).all()):
            raise InputError(f"Time stamps are numbers, seconds since 1970: got {row.tolist()}.")
    return [np.floor(row).astype(np.int64) for row in stamps]


def _pad(rows: list[np.ndarray]) -> np.ndarray:
    width = max(2, *(len(row) for row in rows))  # Keras warns of a softmax over one position
    return np.stack([np.concatenate([np.zeros(width - len(row), row.dtype), row]) for row in rows])
