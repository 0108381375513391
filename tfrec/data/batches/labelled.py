"""`tf.data` batches of labelled rows: a dict of named tensors, and labels."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrec.data.batches.event_histories import Events
from tfrec.data.batches.prefetched import prefetched
from tfrec.data.features.fitting import ITEM_COUNT, encode_table
from tfrec.data.spec.feature_spec import FeatureSpec
from tfrec.data.spec.vocabulary_hashes import with_vocabulary
from tfrec.data.tables.examples import Examples
from tfrec.data.tables.kinds import check_kind
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS, UNKNOWN_ID


def labelled(
    data: Examples,
    spec: FeatureSpec,
    known: Examples | None = None,
    batch_size: int = 1024,
    shuffle: bool = False,
    seed: int = 0,
    drop_remainder: bool = False,
    inputs: Collection[str] | None = None,
    unseen_rate: float = 0.0,
    attention: str | None = None,
) -> tf.data.Dataset:
    """Batches for ranking models: `({name: tensor}, labels)`.

    Columns are encoded once, and features of users and items once per user and item; batches are gathered inside the
    graph. Histories are padded on the left to the longest of their batch.

    Args:
        data: the rows.
        spec: a spec fitted on the training part.
        known: the rows that histories are built from: the training part, also for validation and test. Required if the
            spec has a history. Known rows with the same user, item and time as a row of `data` (without times, with the
            same user and item) are left out of its history.
        batch_size: B.
        shuffle: whether to shuffle the rows, differently in each epoch.
        seed: seed of the shuffling.
        drop_remainder: drop the last batch if it is not full. `tf.distribute` does not need it: replicas with different
            numbers of rows together make the same step as one device.
        inputs: names of the inputs that the model reads; None gives all.
        unseen_rate: for training: share of the rows whose user is replaced by the unseen id 1, and likewise for items,
            drawn again in each epoch. `item_count`, if it is a feature, becomes that of an item that was never seen.
            Without it, training data has no unseen ids, so the model would learn nothing for id 1.
        attention: further column of the known rows with the weight, at least 0, that each event of a history should get
            in the attention of a model, or "rating" or "label"; batches hold it as "given_attention", (B, L) float32.
            See `tfrec.models.Recommender.supervise_attention`.

    Returns:
        dataset of `({name: (B, ...)}, labels (B, 1) float32)`, with names and types as in `spec.model_features()`.

    Raises:
        InputError: if there are no rows, an input is unknown, `known` is missing, a number is out of range, or the
            attention column is missing or holds other values than numbers of at least 0.

    Example:
        >>> frame = pd.DataFrame({"label": [0, 1, 1], "ad": ["a", "b", "b"]})
        >>> table = Examples.from_pandas(frame, label="label")
        >>> inputs, labels = next(iter(labelled(table, FeatureSpec.fit(table))))
        >>> inputs["ad"].numpy().tolist(), labels.numpy().tolist()
        ([3, 2, 2], [[0.0], [1.0], [1.0]])
    """
    check_kind(data, (Examples,), "The labelled rows")
    if known is not None:
        check_kind(known, (Examples,), "The known rows")
    if not len(data):
        raise InputError("The table has no labelled rows: expected at least one.")
    if batch_size < 1:
        raise InputError(f"batch_size must be a positive integer, got {batch_size}.")
    if not 0 <= unseen_rate < 1:
        raise InputError(f"unseen_rate must be at least 0 and below 1, got {unseen_rate}.")
    groups = {feature["name"]: feature["group"] for feature in spec.model_features()}
    names = list(groups)
    wanted = names if inputs is None else list(inputs)
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise InputError(f"The input '{unknown[0]}' is not in the feature spec, which has {', '.join(names)}.")
    columns = {name: column for name, column in _columns(data, spec).items() if name in wanted}
    events = None
    if attention is not None and spec.history is None:
        raise InputError(
            f"The attention column '{attention}' weighs the events of a history, but the spec has none: fit it with "
            "history=... (in a recipe, add [history])."
        )
    if attention is not None or any(groups[name] == "history" for name in wanted):
        if known is None:
            raise InputError("The spec has a history, so labelled() needs the known rows: pass known=split.train.")
        events = Events(known, spec, wanted, attention)
        bounds = [tf.constant(part, tf.int64) for part in events.bounds(data)]
    labels = tf.constant(data.labels[:, None])
    tables = {
        name: (None if codes is None else tf.constant(codes), tf.constant(values))
        for name, (codes, values) in columns.items()
    }

    def batch_of(rows: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        batch = {
            name: tf.gather(values, rows if codes is None else tf.gather(codes, rows))
            for name, (codes, values) in tables.items()
        }
        if events is not None:
            batch |= events.gather(*(tf.gather(bound, rows) for bound in bounds))
        return batch, tf.gather(labels, rows)

    dataset = tf.data.Dataset.range(len(data))
    if shuffle:
        dataset = dataset.shuffle(len(data), seed=seed, reshuffle_each_iteration=True)
    dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    hidden = [name for name in ("user", "item") if name in tables] if unseen_rate else []
    if hidden:
        seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2)
        never_met = spec.item_features.get(ITEM_COUNT, (None, None))[1]

        def some_unseen(rows: tf.Tensor, pair: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            batch, labels = batch_of(rows)
            draws = tf.random.stateless_uniform((len(hidden), tf.size(rows)), pair)
            for name, draw in zip(hidden, tf.unstack(draws, len(hidden)), strict=True):
                hides = (draw < unseen_rate) & (batch[name] >= RESERVED_IDS)
                batch[name] = tf.where(hides, UNKNOWN_ID, batch[name])
                if name == "item" and never_met is not None and ITEM_COUNT in batch:
                    batch[ITEM_COUNT] = tf.where(hides, never_met, batch[ITEM_COUNT])
            return batch, labels

        dataset = tf.data.Dataset.zip(dataset, seeds).map(some_unseen, num_parallel_calls=tf.data.AUTOTUNE)
    else:
        dataset = dataset.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE)
    return with_vocabulary(prefetched(dataset), spec.vocabulary_hashes)


def _columns(data: Examples, spec: FeatureSpec) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
    """Name -> (codes of the rows, values by code), or (None, values by row)."""
    found: dict[str, tuple[np.ndarray | None, np.ndarray]] = {}
    for group, codes, ids, table in (
        ("user", data.user_codes, data.user_ids, data.users),
        ("item", data.item_codes, data.item_ids, data.items),
    ):
        if codes is None:  # a table without users: all are missing
            codes, ids = np.zeros(len(data), np.int32), np.array([""], object)
        if group == "item":
            encoded = spec.encode_items(ids, table) | {"item": spec.items.encode(ids)}
        else:
            encoded = encode_table(spec.features, group, ids, table, {})
        found |= {name: (codes, values) for name, values in encoded.items()}
    for feature in spec.features:
        if feature.group == "context":
            column = data.context.get(feature.column)
            values = feature.absent(len(data)) if column is None else feature.encode(pd.Series(column))
            found[feature.column] = (None, values)
    return found
