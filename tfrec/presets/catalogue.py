"""Change the catalogue of a trained model without training: add items, or replace their vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd

from tfrec.data import FeatureSpec
from tfrec.data.features.fitting import encode_table
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.data.tables.ids import id_text
from tfrec.errors import InputError
from tfrec.layers import ItemVectors
from tfrec.models import Recommender
from tfrec.presets.preset import Preset
from tfrec.reserved_ids import RESERVED_IDS

NewItem = Sequence[str] | np.ndarray | Mapping[str, Any]


def with_items(preset: Preset, items: Mapping[str, NewItem], titles: Mapping[str, str] | None = None) -> Preset:
    """Add items to a preset, or replace the vectors of its items.

    New items are read in histories and recommended like the others. They come after the known items, whose ids do not
    change, and count as the least popular ones.

    Args:
        preset: a loaded preset, which does not change.
        items: raw id -> its vector, (D,) numbers, for example from a content model of the same space; or raw id -> ids
            of similar known items, whose mean vector it gets; or raw id -> {column: value} of its features, from which
            a model with an item tower, such as `TwoTower`, computes the vector. Columns left out are missing values.
        titles: raw id -> title of the new items, if the spec has titles.

    Returns:
        a new preset with its own model and spec.

    Raises:
        InputError: if `items` is empty, a vector has another width or is not finite, a similar item is unknown, or an
            item has only features and the model has no item tower.

    Example:
        >>> from tfrec import presets
        >>> films = presets.load("sasrec_ml1m")
        >>> more = with_items(films, {"sequel": ["1", "3114"]})
        >>> more.spec.num_items - films.spec.num_items
        1
    """
    if not items:
        raise InputError("No items to add: give raw ids with a vector, or with ids of similar items.")
    spec, vectors_of = preset.spec, np.asarray(_item_vectors(preset.model).get_weights()[0])
    items_by_id = {id_text(item): like for item, like in items.items()}
    from_features = {item: like for item, like in items_by_id.items() if isinstance(like, Mapping)}
    _check_from_features(preset, from_features)
    others = {item: like for item, like in items_by_id.items() if item not in from_features}
    vectors = {item: _vector(item, like, spec, vectors_of) for item, like in others.items()}
    new = [item for item in items_by_id if item not in spec.items]
    grown = _grown_spec(spec, new, titles or {}, from_features)
    model = type(preset.model).from_config({**preset.model.get_config(), "num_items": grown.num_items})
    known = RESERVED_IDS + spec.num_items
    similar_ids = [_similar_ids(spec, items_by_id[item]) for item in new]
    pairs = zip(preset.model.get_weights(), model.get_weights(), strict=True)
    model.set_weights([_grown(old, new_one, known, similar_ids) for old, new_one in pairs])
    if vectors:
        layer = _item_vectors(model)
        weights = layer.get_weights()
        weights[0][grown.items.encode(list(vectors))] = np.stack(list(vectors.values()))
        layer.set_weights(weights)
    if hasattr(model, "start_items"):
        model.start_items(grown, grown.items.encode(list(from_features)))
    model.bind_vocabulary(grown)
    return dataclasses.replace(preset, model=model, spec=grown)


def _item_vectors(model: Recommender) -> keras.layers.Layer:
    """The layer that holds the item vectors."""
    embedding = getattr(model, "embedding", None)
    layer = embedding.items if isinstance(embedding, keras.layers.Layer) else getattr(model, "items", None)
    if isinstance(embedding, keras.layers.Layer) or isinstance(layer, ItemVectors):
        return layer
    raise InputError(
        f"with_items cannot add items to {type(model).__name__}: it needs a model whose item vectors are in "
        "model.embedding.items, or a tfrec.layers.ItemVectors in model.items."
    )


def _check_from_features(preset: Preset, items: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `InputError` if the model cannot compute the vectors of new items from features alone."""
    if not items:
        return
    first, reads = next(iter(items)), list(preset.spec.item_features)
    if not hasattr(preset.model, "start_items") or not reads:
        raise InputError(
            f"Item '{first}' has features, but {type(preset.model).__name__} of this preset reads no features of "
            "items: give a vector or similar items."
        )
    for item, features in items.items():
        if unread := [name for name in features if name not in reads]:
            raise InputError(f"Item '{item}' has the feature '{unread[0]}', but the model reads {', '.join(reads)}.")
    if preset.model.items.quantization_mode is not None:
        raise InputError("This preset is in int8: add items to the preset in float32, and quantize the result.")
    if known := [item for item in items if item in preset.spec.items]:
        raise InputError(
            f"Item '{known[0]}' is in the catalogue: only new items get their vector from features. Remove it, or give "
            "a vector or similar items."
        )


def _vector(item: str, like: NewItem, spec: FeatureSpec, table: np.ndarray) -> np.ndarray:
    width = table.shape[1]
    if isinstance(like, str):
        raise InputError(f"Item '{item}' needs a list of similar ids or a vector, got the text {like!r}.")
    if all(isinstance(one, str) for one in like):
        ids = spec.items.encode(list(like))
        unknown = [one for one, known in zip(like, ids >= RESERVED_IDS, strict=True) if not known]
        if unknown or not len(ids):
            found = f"the unknown ids {unknown[:5]}" if unknown else "an empty list"
            raise InputError(f"Item '{item}' needs ids of similar items that the preset has, got {found}.")
        return table[ids].mean(0)
    try:
        vector = np.asarray(like, np.float32)
    except (TypeError, ValueError):
        raise InputError(f"Item '{item}' needs {width} numbers or a list of similar ids, got {like!r}.") from None
    if vector.shape != (width,) or not np.isfinite(vector).all():
        raise InputError(f"The vector of '{item}' must be {width} finite numbers, got shape {vector.shape}.")
    return vector


def _grown_spec(
    spec: FeatureSpec, new: list[str], titles: Mapping[str, str], features: Mapping[str, Mapping[str, Any]]
) -> FeatureSpec:
    items = Vocabulary([*spec.items.tokens, *new])
    counts = np.concatenate([spec.item_counts, np.zeros(len(new), np.int64)])
    table = spec.item_table
    if table is not None:
        table = table.reindex(items.tokens)
        column = next((name for name in table.columns if str(name).lower() in ("title", "name")), None)
        if column is not None:
            named = {item: title for item, title in titles.items() if item in set(new)}
            table.loc[list(named), column] = pd.Series(named, dtype=object)
    columns = {name: [features.get(item, {}).get(name) for item in new] for name in spec.item_features}
    given = pd.DataFrame({name: pd.Series(cells, new, dtype=object) for name, cells in columns.items()}, index=new)
    encoded = encode_table(spec.features, "item", np.array(new, object), given, {})
    of_items = {name: np.concatenate([values, encoded[name]]) for name, values in spec.item_features.items()}
    return dataclasses.replace(spec, items=items, item_counts=counts, item_table=table, item_features=of_items)


def _similar_ids(spec: FeatureSpec, like: NewItem) -> np.ndarray:
    """The ids of the similar items that were given; of all items, if a vector or features were."""
    if not isinstance(like, Mapping) and all(isinstance(one, str) for one in like):
        return spec.items.encode(list(like))
    return np.arange(spec.num_items) + RESERVED_IDS


def _grown(old: np.ndarray, new: np.ndarray, known: int, similar_ids: list[np.ndarray]) -> np.ndarray:
    """A weight with new rows after the known items, each the mean of similar ones.

    Rows of integers are lists of ids, such as the users of an item: a new row holds the most frequent ids of similar
    ones. Later rows, such as that of a mask token, move to the end.
    """
    if old.shape == new.shape:
        return old
    are_lists = old.dtype.kind in "iu" and old.ndim == 2
    rows = [_most_frequent(old[ids]) if are_lists else old[ids].mean(0) for ids in similar_ids]
    return np.concatenate([old[:known], np.stack(rows).astype(old.dtype), old[known:]])


def _most_frequent(lists: np.ndarray) -> np.ndarray:
    """The M ids that most of (N, M) lists have, padded with 0.

    Example:
        >>> _most_frequent(np.array([[5, 7, 0], [7, 9, 8]])).tolist()
        [7, 5, 8]
    """
    ids, counts = np.unique(lists[lists != 0], return_counts=True)
    found = ids[np.argsort(-counts, kind="stable")][: lists.shape[1]]
    return np.pad(found, (0, lists.shape[1] - len(found)))
