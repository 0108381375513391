"""`tf.data` batches of pairs of a user and an item, for models that do not read the order of items."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import tensorflow as tf

from tfrec.data.batches.histories import histories
from tfrec.data.batches.prefetched import prefetched
from tfrec.data.features.history_rule import RULES, rule_name
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.data.spec.feature_spec import FeatureSpec
from tfrec.data.spec.vocabulary_hashes import with_vocabulary
from tfrec.data.splits import Holdout
from tfrec.data.tables.interactions import Interactions
from tfrec.data.tables.kinds import check_kind
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS

_INPUTS = ("user", "history")


def pairs(
    data: Interactions | Holdout,
    spec: FeatureSpec,
    batch_size: int = 1024,
    inputs: Collection[str] = ("user",),
    take: str = "all",
    shuffle: bool | None = None,
    seed: int = 0,
    drop_remainder: bool = False,
    num_replicas: int = 1,
) -> tf.data.Dataset:
    """Batches for models that learn which items a user takes: `({"user", "history"}, targets, weights)`.

    For `Interactions`, a row is one interaction: its user, and its item as the target. The loss provides the negatives,
    sampled or from the batch. For a `Holdout`, a row is a user, and the target is the first held-back item. These rows
    always have a history, so that ranking metrics can leave out the user's items; if the model does not read the
    history, it holds all items of the user.

    A history never contains its own target: this item is removed wherever it occurs. Interactions with items out of
    vocabulary are left out. A user out of vocabulary has id 1.

    Args:
        data: the table to train on, or the holdout to evaluate.
        spec: vocabularies and length L. "user" needs the user vocabulary: `FeatureSpec.fit(train, users=True)`.
        batch_size: B.
        inputs: the inputs that the model reads, its `input_names`: "user", "history", or both.
        take: the items in the history of a training row: "all", the newest L of the user's items except the target; or
            "earlier", the newest L before the target.
        shuffle: whether to shuffle the rows, differently in each epoch; None shuffles training data but not holdouts.
        seed: seed of the shuffling.
        drop_remainder: drop the last batch if it is not full.
        num_replicas: number of replicas of a `tf.distribute` strategy; `batch_size` must be a multiple of it.

    Returns:
        dataset of `({"user": (B,) int32, "history": (B, L) int32}, targets (B,) int32, weights (B,) float32)`, with
        the requested inputs. Histories are padded on the left.

    Raises:
        InputError: if there are no rows, the model reads users but the spec has none, or an argument is invalid.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import FeatureSpec, Interactions
        >>> table = Interactions.from_pandas(pd.DataFrame({"u": ["a", "a", "b"], "i": [1, 2, 2]}), user="u", item="i")
        >>> spec = FeatureSpec.fit(table, max_length=3, users=True)  # user "a" and item "2" have id 2
        >>> inputs, targets, _ = next(iter(pairs(table, spec, inputs=("user", "history"), shuffle=False)))
        >>> inputs["user"].numpy().tolist(), inputs["history"].numpy().tolist(), targets.numpy().tolist()
        ([2, 2, 3], [[0, 0, 2], [0, 0, 3], [0, 0, 0]], [3, 2, 2])
    """
    check_kind(data, (Interactions, Holdout), "The data")
    _check_arguments(inputs, take, batch_size, num_replicas)
    is_holdout = isinstance(data, Holdout)
    table = data.history if is_holdout else data
    users = encode_users(table, spec) if "user" in inputs else None
    ids, starts, ends = histories(table, spec)
    of = np.repeat(np.arange(len(starts)), ends - starts)  # the user code of each known item
    if is_holdout:
        target_ids, target_starts, target_ends = histories(data.targets, spec)
        rows = np.flatnonzero(target_ends > target_starts)
        targets, first, after = target_ids[target_starts[rows]], starts[rows], ends[rows]
    else:
        rows, targets, first = of, ids, starts[of]
        after = ends[of] if rule_name(take) == "all" else np.arange(len(ids))
    if not len(rows):
        raise InputError(
            f"{data!r} has no usable rows: none of its items is in the vocabulary. Fit the spec on data that has them."
        )
    columns = {"first": first, "after": after, "target": targets}
    if users is not None:
        columns["user"] = users[rows]
    reads_history = is_holdout or "history" in inputs
    flat, width = tf.constant(ids), spec.max_length
    only_masks = is_holdout and "history" not in inputs  # then none of the user's items is left out

    def batch_of(row: dict[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        read = {"user": row["user"]} if users is not None else {}
        if reads_history:
            longest = tf.reduce_max(row["after"] - row["first"]) if only_masks else width + (not is_holdout)
            history = _window(flat, row["first"], row["after"], longest)
            read["history"] = history if is_holdout else _without(history, row["target"])[:, -width:]
        return read, row["target"], tf.ones(tf.shape(row["target"]))

    dataset = tf.data.Dataset.from_tensor_slices(columns)
    if not is_holdout if shuffle is None else shuffle:
        dataset = dataset.shuffle(len(rows), seed=seed, reshuffle_each_iteration=True)
    dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    batches = prefetched(dataset.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE))
    return with_vocabulary(batches, spec.vocabulary_hashes, held_back=is_holdout)


def known_pairs(table: Interactions, spec: FeatureSpec) -> np.ndarray:
    """The distinct pairs of a known user and a known item, (N, 2) int32, for example the edges of a graph model.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import FeatureSpec, Interactions
        >>> frame = pd.DataFrame({"u": ["a", "a", "b"], "i": [1, 1, 2]})
        >>> table = Interactions.from_pandas(frame, user="u", item="i")
        >>> known_pairs(table, FeatureSpec.fit(table, users=True)).tolist()
        [[2, 2], [3, 3]]
    """
    check_kind(table, (Interactions,), "The training data")
    users = encode_users(table, spec)[table.user_codes]
    items = spec.items.encode(table.item_ids)[table.item_codes]
    known = (users >= RESERVED_IDS) & (items >= RESERVED_IDS)
    return np.unique(np.stack([users[known], items[known]], axis=1), axis=0).astype(np.int32)


def encode_users(table: Interactions, spec: FeatureSpec) -> np.ndarray:
    """The id of each user of a table, by user code: (num_users,) int32, 1 for users who are not in the vocabulary.

    Raises:
        InputError: if the spec has no user vocabulary.
    """
    return user_vocabulary(spec).encode(table.user_ids)


def user_vocabulary(spec: FeatureSpec) -> Vocabulary:
    """The spec's users; raises `InputError` if it has none."""
    if spec.users is None:
        raise InputError(
            "The model reads user ids, and the feature spec has no user vocabulary: fit it with "
            "FeatureSpec.fit(train, users=True)."
        )
    return spec.users


def _check_arguments(inputs: Collection[str], take: str, batch_size: int, num_replicas: int) -> None:
    if isinstance(inputs, str) or not inputs or not set(inputs) <= set(_INPUTS):
        raise InputError(f'The inputs of pairs are "user", "history" or both: got {inputs!r}.')
    if rule_name(take) not in RULES:
        raise InputError(f"take must be one of {', '.join(RULES)}, got {take!r}.")
    if batch_size < 1 or num_replicas < 1 or batch_size % num_replicas:
        raise InputError(
            f"batch_size must be a positive multiple of the {num_replicas} replicas that share it, got {batch_size}."
        )


def _window(flat: tf.Tensor, first: tf.Tensor, after: tf.Tensor, width: int | tf.Tensor) -> tf.Tensor:
    """The newest `width` values of each slice of a flat array: (B, width), padded with 0 on the left."""
    at = after[:, None] + tf.range(-tf.cast(width, tf.int64), 0, dtype=tf.int64)
    return tf.where(at >= first[:, None], tf.gather(flat, tf.maximum(at, 0)), 0)


def _without(history: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Histories without the row's target; the remaining items move to the right."""
    kept = tf.where(history == targets[:, None], 0, history)
    order = tf.argsort(tf.cast(kept > 0, tf.int32), axis=1, stable=True)
    return tf.gather(kept, order, batch_dims=1)
