"""Masked-item training: some items of each row are hidden, and the model predicts them."""

from __future__ import annotations

import tensorflow as tf

from tfrec.data.batches.prefetched import prefetched
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS


def masked_items(
    batches: tf.data.Dataset, mask_id: int, probability: float = 0.2, last_only: float = 0.1, seed: int = 0
) -> tf.data.Dataset:
    """Batches for masked-item training (the Cloze task), made from those of `sequences`.

    A row is a whole window: the L items of the history and the target after the newest of them. Each of these L + 1
    items is replaced by the mask with the given probability, at least one in every row. Some rows hide only their
    newest item, as a recommendation does. Targets are the hidden items, and 0 everywhere else.

    ```
    sequences    history 0 a b c    targets 0 b c d
    masked_items history 0 a M c M  targets 0 0 b 0 d
    ```

    New masks are drawn in every epoch, reproducibly with a seed. Weights are normalised over the whole batch as in
    `sequences`; a batch with a lower weight there has the same lower weight here.

    `tfrec.models.BERT4Rec` is trained this way. Any other model with a query at each position can be pre-trained this
    way, too: use a spec whose `max_length` is one less than that of the model, and the mask `UNKNOWN_ID`, which has a
    vector in every model and never occurs in a history.

    Args:
        batches: result of `sequences` for `Interactions`, with any windows, grouping and shuffling.
        mask_id: id of the mask; `spec.mask_id` for BERT4Rec.
        probability: probability that an item is hidden.
        last_only: share of the rows in which only the newest item is hidden.
        seed: seed of the masks.

    Returns:
        dataset of `({"history": (B, L + 1) int32}, targets (B, L + 1) int32, weights (B, L + 1) float32)`.

    Raises:
        InputError: if a probability is out of range, or the batches come from a holdout or have further inputs.

    Reference:
        Sun et al., "BERT4Rec", CIKM 2019, arXiv 1904.06690, section 3.6. In the paper each user occurs ten times with
        fixed masks, and once more with only the last item masked; `last_only=1 / 11` is close to this.

    Example:
        >>> import numpy as np
        >>> history, targets = np.array([[0, 5, 6]], "int32"), np.array([[0, 6, 7]], "int32")
        >>> weights = np.array([[0, 1.5, 1.5]], "float32")
        >>> batches = tf.data.Dataset.from_tensors(({"history": history}, targets, weights))
        >>> inputs, targets, weights = next(iter(masked_items(batches, mask_id=9, last_only=1.0)))
        >>> inputs["history"].numpy().tolist(), targets.numpy().tolist(), weights.numpy().tolist()
        ([[0, 5, 6, 9]], [[0, 0, 0, 7]], [[0.0, 0.0, 0.0, 4.0]])
    """
    if not 0 < probability <= 1 or not 0 <= last_only <= 1:
        raise InputError(
            "probability must be above 0 and at most 1, and last_only between 0 and 1; got "
            f"probability={probability!r}, last_only={last_only!r}."
        )
    inputs_spec, targets_spec, _ = batches.element_spec
    if set(inputs_spec) != {"history"} or targets_spec.shape.rank != 2:
        raise InputError(
            "masked_items needs batches of sequences(...) from Interactions with 'history' as the only input, got the "
            f"inputs {sorted(inputs_spec)} and targets of shape {targets_spec.shape}."
        )

    def mask(batch: tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor], draw: tf.Tensor) -> tuple:
        inputs, targets, weights = batch
        rows = tf.concat([inputs["history"], targets[:, -1:]], axis=1)
        is_item = rows >= RESERVED_IDS
        chance = tf.random.stateless_uniform(tf.shape(rows), draw[0])
        chance = tf.where(is_item, chance, 2.0)
        lowest = tf.reduce_min(chance, axis=1, keepdims=True)  # the item that is always hidden
        hidden = is_item & (chance <= tf.maximum(lowest, probability))
        alone = tf.random.stateless_uniform(tf.shape(rows[:, :1]), draw[1]) < last_only
        is_newest = tf.range(tf.shape(rows)[1]) == tf.shape(rows)[1] - 1
        hidden = tf.where(alone, is_item & is_newest, hidden)
        # The weight of the batch: 1, or less for the remainder of a group.
        share = tf.reduce_sum(weights) / tf.cast(tf.size(weights), tf.float32)
        count = tf.maximum(tf.cast(tf.math.count_nonzero(hidden), tf.float32), 1.0)
        weight = share * tf.cast(tf.size(rows), tf.float32) / count
        return (
            {"history": tf.where(hidden, mask_id, rows)},
            tf.where(hidden, rows, 0),
            tf.where(hidden, weight, 0.0),
        )

    draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2, drop_remainder=True)
    draws = draws.batch(2, drop_remainder=True)  # two seeds per batch
    return prefetched(tf.data.Dataset.zip(batches, draws).map(mask, num_parallel_calls=tf.data.AUTOTUNE))
