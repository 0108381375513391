"""Masked-item training: some items of a row are hidden, and the model is asked for them."""

from __future__ import annotations

import tensorflow as tf

from tfrec.data.batches.prefetched import prefetched
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS


def masked_items(
    batches: tf.data.Dataset, mask_id: int, probability: float = 0.2, last_only: float = 0.1, seed: int = 0
) -> tf.data.Dataset:
    """Batches for masked-item training (the Cloze task), made from those of `sequences`.

    A row is the whole of its window: the L items of the history and the target behind the newest of them. Each of these
    L + 1 items is replaced by the mask with a probability, at least one in every row; some rows hide their newest item
    alone, which is what a recommendation asks for. Targets are the hidden items, and 0 everywhere else.

    ```
    sequences    history 0 a b c    targets 0 b c d
    masked_items history 0 a M c M  targets 0 0 b 0 d
    ```

    The masks are drawn anew at every epoch, and the seed repeats them. Weights are normalised over the whole batch as
    those of `sequences` are, and a batch that weighs less there weighs as much less here.

    `tfrec.models.BERT4Rec` is trained so. Any other model that gives a query at each position can be pre-trained so
    too: take batches from a spec of one item less than the model's `max_length`, and as the mask `UNKNOWN_ID`, which
    every model has a vector for and which stands in no history.

    Args:
        batches: of `sequences` from `Interactions`; however windowed, grouped or shuffled.
        mask_id: stands for a hidden item; `spec.mask_id` for BERT4Rec.
        probability: that an item is hidden.
        last_only: share of the rows in which the newest item alone is hidden.
        seed: of the masks.

    Returns:
        dataset of `({"history": (B, L + 1) int32}, targets (B, L + 1) int32, weights (B, L + 1) float32)`.

    Raises:
        InputError: where a probability is none, or the batches come from a holdout or have further inputs.

    Reference:
        Sun et al., "BERT4Rec", CIKM 2019, arXiv 1904.06690, section 3.6. There each user is written ten times with
        masks that stay, and once more with only the last item masked, which `last_only=1 / 11` comes near to.

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
            "probability must lie above 0 and not above 1, last_only between 0 and 1, got "
            f"probability={probability!r}, last_only={last_only!r}."
        )
    inputs_spec, targets_spec, _ = batches.element_spec
    if set(inputs_spec) != {"history"} or targets_spec.shape.rank != 2:
        raise InputError(
            "masked_items takes batches that sequences makes from Interactions, with history as their only input, got "
            f"{sorted(inputs_spec)} and targets of shape {targets_spec.shape}."
        )

    def mask(batch: tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor], draw: tf.Tensor) -> tuple:
        inputs, targets, weights = batch
        rows = tf.concat([inputs["history"], targets[:, -1:]], axis=1)
        is_item = rows >= RESERVED_IDS
        chance = tf.random.stateless_uniform(tf.shape(rows), draw[0])
        chance = tf.where(is_item, chance, 2.0)
        lowest = tf.reduce_min(chance, axis=1, keepdims=True)  # the item that is hidden in any case
        hidden = is_item & (chance <= tf.maximum(lowest, probability))
        alone = tf.random.stateless_uniform(tf.shape(rows[:, :1]), draw[1]) < last_only
        is_newest = tf.range(tf.shape(rows)[1]) == tf.shape(rows)[1] - 1
        hidden = tf.where(alone, is_item & is_newest, hidden)
        # What the batch weighs: 1, or less where it is what was left of a group.
        share = tf.reduce_sum(weights) / tf.cast(tf.size(weights), tf.float32)
        count = tf.maximum(tf.cast(tf.math.count_nonzero(hidden), tf.float32), 1.0)
        weight = share * tf.cast(tf.size(rows), tf.float32) / count
        return (
            {"history": tf.where(hidden, mask_id, rows)},
            tf.where(hidden, rows, 0),
            tf.where(hidden, weight, 0.0),
        )

    draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2, drop_remainder=True)
    draws = draws.batch(2, drop_remainder=True)  # two seeds a batch
    return prefetched(tf.data.Dataset.zip(batches, draws).map(mask, num_parallel_calls=tf.data.AUTOTUNE))
