"""`tf.data` batches for sequential models: a dict of named tensors, targets, and weights."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection

import numpy as np
import tensorflow as tf

from tfrec.data.batches.histories import histories, history_inputs
from tfrec.data.batches.prefetched import prefetched
from tfrec.data.spec.feature_spec import FeatureSpec
from tfrec.data.spec.vocabulary_hashes import with_vocabulary
from tfrec.data.splits import Holdout
from tfrec.data.tables.interactions import Interactions
from tfrec.data.tables.kinds import check_kind
from tfrec.errors import InputError
from tfrec.reserved_ids import PADDING_ID

_Columns = Callable[[Interactions], dict[str, np.ndarray]]
_Rows = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]  # flat columns; first and after-last position of each row


def sequences(
    data: Interactions | Holdout,
    spec: FeatureSpec,
    batch_size: int = 128,
    windows: str = "newest",
    group_by_length: bool = False,
    shuffle: bool | None = None,
    seed: int = 0,
    drop_remainder: bool = False,
    num_replicas: int = 1,
    inputs: Collection[str] = ("history",),
    attention: str | None = None,
) -> tf.data.Dataset:
    """Batches for next-item models: `({"history"}, targets, weights)`, with "timestamps" if requested.

    For `Interactions`, a row is a window of a user's items: all items except the last form the history, and each item
    except the first is the target of the position before it. For a `Holdout`, a row is a user: the history holds the
    user's known items, and the only target, at the newest position, is the first item held back.

    Unknown items are skipped. Padding is on the left. The weight of a real target is the number of positions of the
    batch divided by its number of real targets, and 0 elsewhere. So `sum(weight * loss) / size` is the mean over real
    targets, also if `tf.distribute` splits the batch. (With `group_by_length`, a batch that is less than half full has
    a lower weight.)

    Args:
        data: the table to train on, or the holdout to evaluate.
        spec: vocabulary and length L.
        batch_size: B, rows per batch.
        windows: "newest" takes the last L + 1 items of each user. "all" cuts the whole history into windows of L + 1
            items, counted from its end, which overlap in one item: each item except the user's first is a target once.
        group_by_length: put rows of similar length into a batch and pad only to their longest row, so that the cost of
            a step depends on its real items. A batch then holds about as many positions as `batch_size` rows of mean
            length: more rows if they are short, fewer if they are long. L takes at most a dozen values.
        shuffle: whether to shuffle the rows, differently in each epoch; None shuffles training data but not holdouts.
        seed: seed of the shuffling.
        drop_remainder: drop the last batch if it is not full. `tf.distribute` does not need it: replicas with different
            numbers of rows together make the same step as one device. In each group of lengths, different rows are
            dropped in each epoch; groups too small for one batch are merged with their neighbours, so no row is always
            dropped.
        num_replicas: number of replicas of a `tf.distribute` strategy; full batches have a multiple of it as rows.
        inputs: inputs that the model reads, its `input_names`. "timestamps" are the Unix seconds of the items of the
            history, 0 at padding.
        attention: further column of the table with the weight, at least 0, that each item should get in the attention
            of a model, or "rating"; batches hold it as "given_attention", (B, L) float32. See
            `tfrec.models.Recommender.supervise_attention`.

    Returns:
        dataset of `({"history": (B, L) int32}, targets (B, L) int32, weights (B, L) float32)`; for a holdout targets
        and weights are (B,). Timestamps are (B, L) int64.

    Raises:
        InputError: if no user has two known items (a history and a target), `batch_size` is not a multiple of
            `num_replicas`, `drop_remainder` would drop all batches, timestamps are requested but the table has none, or
            the attention column is missing or holds other values than numbers of at least 0.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import FeatureSpec, Interactions
        >>> table = Interactions.from_pandas(pd.DataFrame({"u": [1, 1, 1], "i": ["x", "y", "y"]}), user="u", item="i")
        >>> spec = FeatureSpec.fit(table, max_length=3)      # "y" is more frequent: id 2
        >>> inputs, targets, weights = next(iter(sequences(table, spec)))
        >>> inputs["history"].numpy().tolist(), targets.numpy().tolist(), weights.numpy().tolist()
        ([[0, 3, 2]], [[0, 2, 2]], [[0.0, 1.5, 1.5]])
    """
    check_kind(data, (Interactions, Holdout), "The data")
    if windows not in ("newest", "all"):
        raise InputError(f'windows must be "newest" or "all", got {windows!r}.')
    if batch_size < 1 or num_replicas < 1 or batch_size % num_replicas:
        raise InputError(
            f"batch_size must be a positive multiple of the {num_replicas} replicas that share it, got {batch_size}."
        )
    is_holdout = isinstance(data, Holdout)
    columns_of = functools.partial(history_inputs, spec=spec, inputs=inputs, attention=attention)
    rows = _holdout_rows(data, spec, columns_of) if is_holdout else _window_rows(data, spec, columns_of, windows)
    columns, starts, ends = rows
    if not len(starts):
        raise InputError(
            f"{data!r} gives no rows: no user has "
            + ("both a history and a held-back item" if is_holdout else "two items")
            + " in the vocabulary. Give more interactions, or fit the spec on data with these items."
        )
    tensors = {name: tf.constant(column) for name, column in columns.items()}
    lengths = np.minimum(ends - starts - 1, spec.max_length)
    widths = _widths(spec.max_length, lengths) if group_by_length else [spec.max_length]

    def rows_of(widths: list[int]) -> np.ndarray:
        per_replica = np.round(batch_size * lengths.mean() / np.array(widths) / num_replicas).astype(int)
        return num_replicas * np.maximum(1, per_replica) if len(widths) > 1 else np.array([batch_size])

    if drop_remainder:
        widths = _with_full_batches(widths, lengths, rows_of)
    grouped = len(widths) > 1
    # The remainder of a group can be a single short row, which must not have the weight of a whole batch.
    fewest = max(1.0, batch_size * lengths.mean() / 2 if grouped else 1.0)

    def batch_of(first: tf.Tensor, after: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        longest = tf.reduce_max(after - first) - 1
        width = tf.gather(tf.constant(widths, tf.int64), tf.searchsorted(tf.constant(widths, tf.int64), [longest])[0])
        at = after[:, None] + tf.range(-width - 1, 0, dtype=tf.int64)
        window = {
            name: tf.where(at >= first[:, None], tf.gather(column, tf.maximum(at, 0)), tf.zeros((), column.dtype))
            for name, column in tensors.items()
        }
        if not grouped:
            for column in window.values():
                column.set_shape((None, widths[0] + 1))
        read, targets = {name: column[:, :-1] for name, column in window.items()}, window["history"][:, 1:]
        if is_holdout:
            return read, targets[:, -1], tf.ones(tf.shape(targets)[:1])
        is_target = read["history"] > 0  # the next item is a target
        targets = tf.where(is_target, targets, PADDING_ID)
        count = tf.maximum(tf.cast(tf.math.count_nonzero(is_target), tf.float32), fewest)
        weights = tf.cast(is_target, tf.float32) * (tf.cast(tf.size(targets), tf.float32) / count)
        return read, targets, weights

    dataset = tf.data.Dataset.from_tensor_slices((starts, ends))
    if not is_holdout if shuffle is None else shuffle:
        dataset = dataset.shuffle(len(starts), seed=seed, reshuffle_each_iteration=True)
    if grouped:
        rows = rows_of(widths)
        dataset = dataset.bucket_by_sequence_length(
            lambda first, after: tf.cast(after - first - 1, tf.int32),
            bucket_boundaries=[width + 1 for width in widths[:-1]],
            bucket_batch_sizes=rows.tolist(),
            drop_remainder=drop_remainder,
            no_padding=True,
        )
        members = _members(widths, lengths)
        batches = members // rows if drop_remainder else -(-members // rows)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(int(batches.sum())))
    else:
        dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    batches = prefetched(dataset.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE))
    return with_vocabulary(batches, spec.vocabulary_hashes, held_back=is_holdout)


def _widths(max_length: int, lengths: np.ndarray) -> list[int]:
    """Padded lengths, each about 1.3 times the one before, up to the longest row."""
    widths = np.unique(np.ceil(max_length / 1.3 ** np.arange(11)).astype(int))
    return widths[: np.searchsorted(widths, lengths.max()) + 1].tolist()


def _members(widths: list[int], lengths: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(widths, lengths), minlength=len(widths))


def _with_full_batches(widths: list[int], lengths: np.ndarray, rows_of: Callable) -> list[int]:
    """The widths whose groups fill a batch; rows of the other widths are padded to the next one."""
    widths = list(widths)
    while (short := _members(widths, lengths) < rows_of(widths)).any():
        if len(widths) == 1:
            raise InputError(
                f"drop_remainder would drop all data: {len(lengths):,} rows do not fill a batch of "
                f"{rows_of(widths)[0]:,}. Use a smaller batch_size, or more data."
            )
        first = int(np.argmax(short))
        del widths[min(first, len(widths) - 2)]  # the longest rows need the last
    return widths


def _window_rows(table: Interactions, spec: FeatureSpec, columns_of: _Columns, windows: str) -> _Rows:
    _, starts, ends = histories(table, spec)
    enough = ends - starts >= 2
    starts, ends = starts[enough], ends[enough]
    step = spec.max_length
    if windows == "all":
        counts = -(-(ends - starts - 1) // step)
        back = (np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)) * step
        starts, ends = np.repeat(starts, counts), np.repeat(ends, counts) - back
    return columns_of(table), np.maximum(starts, ends - step - 1), ends


def _holdout_rows(holdout: Holdout, spec: FeatureSpec, columns_of: _Columns) -> _Rows:
    _, starts, ends = histories(holdout.history, spec)
    target_ids, target_starts, target_ends = histories(holdout.targets, spec)
    users = np.flatnonzero((ends > starts) & (target_ends > target_starts))
    # A row is the newest L items of the history, followed by the first target.
    lengths = np.minimum(ends[users] - starts[users], spec.max_length)
    after = np.cumsum(lengths + 1)
    is_target = np.zeros(int(after[-1]) if len(after) else 0, bool)
    is_target[after - 1] = True
    within = np.arange(len(is_target)) - np.repeat(after - lengths - 1, lengths + 1)
    source = np.repeat(ends[users] - lengths, lengths + 1) + within
    columns = {}
    for name, column in columns_of(holdout.history).items():
        columns[name] = np.zeros(len(is_target), column.dtype)  # only the id of the target is read
        columns[name][~is_target] = column[source[~is_target]]
    columns["history"][is_target] = target_ids[target_starts[users]]
    return columns, after - lengths - 1, after
