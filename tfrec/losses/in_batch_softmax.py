"""Softmax cross-entropy of each target against the other targets of its batch."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.losses.item_loss import ItemLoss
from tfrec.losses.negatives.popularity_sampler import check_counts, check_fits
from tfrec.ops import RESERVED_IDS, check_size
from tfrec.ops.random_state import random_state_kept

with random_state_kept():
    import keras_rs


@keras.saving.register_keras_serializable(package="tfrec")
class InBatchSoftmax(ItemLoss):
    """Softmax cross-entropy of each target against all other targets of its batch, with logQ correction.

    ```
    s(t, n) = q_t . e_n - log((T - 1) P(n)),    P(n) = count_n / sum of counts
    loss_t = log(exp(q_t . e_t) + sum over n != t of exp(s(t, n))) - q_t . e_t
    ```

    This is the usual loss of two-tower models: it needs only the item vectors of the batch, so the item tower runs on B
    items and not on the whole catalogue. Popular items are negatives more often; the logQ correction removes this bias,
    and the loss estimates `FullSoftmax`. Accidental hits (negatives that are the same item as the target) are removed.

    `SampledSoftmax(negatives="in-batch")` draws N of these negatives instead, which suits batches of sequences with
    thousands of targets: the logits here are (T, T).

    Args:
        counts: (V,) positive numbers, in the order of the ids: `spec.item_counts`, which recipes pass on. Without
            counts there is no correction: popular items are penalised. The config stores them as a list.
        correct_target: correct the score of the target too, as Yi et al. and TensorFlow Recommenders do. The target is
            always a candidate, so this biases the estimate; see `SampledSoftmax`.
        remove_accidental_hits: ignore negatives that are the same item as the target.
        num_hard_negatives: number of negatives per target, those with the highest scores; None takes all.
        name: name of the loss, for logs.

    Shapes:
        targets (..., ) ids; queries (..., D); items (V + 2, D), or a function of (T,) ids to (T, D) vectors; a scalar
        out.

    Raises:
        ValueError: if counts are not positive numbers, one for each item of the table, or `num_hard_negatives` is not a
            positive integer.

    Reference:
        Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019. It
        estimates P from the stream of batches; here the counts are known. Khrylchenko et al., "Correcting the LogQ
        Correction", RecSys 2025, arXiv 2507.09331.

    Example:
        >>> import numpy as np
        >>> items, queries = np.zeros((6, 3), "float32"), np.zeros((3, 3), "float32")
        >>> loss = InBatchSoftmax()(np.array([2, 3, 5]), queries, items=items)
        >>> round(float(np.exp(loss)))  # three candidates with equal scores
        3
    """

    reads_table = False

    def __init__(
        self,
        counts: Any = None,
        correct_target: bool = False,
        remove_accidental_hits: bool = True,
        num_hard_negatives: int | None = None,
        name: str = "in_batch_softmax",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.counts = None if counts is None else check_counts(counts)
        self.correct_target = correct_target
        self.remove_accidental_hits = remove_accidental_hits
        self.num_hard_negatives = check_size("num_hard_negatives", num_hard_negatives, optional=True)
        if self.counts is not None:
            self._log_probability = np.log(self.counts / self.counts.sum()).astype("float32")
        if self.num_hard_negatives is not None:
            self._hardest = keras_rs.layers.HardNegativeMining(self.num_hard_negatives)

    def check_items(self, num_items: int) -> None:
        """Raise `ValueError` if there are counts, but not one for each item."""
        if self.counts is not None:
            check_fits(self.counts, num_items)

    def weighted_sum(self, targets: Any, queries: Any, weights: Any, items: Any, seed: Any) -> Any:
        """`sum(weights * loss)`; rows of weight 0 are no candidates either."""
        values = self._values(targets, queries, weights != 0, items)
        return ops.sum(ops.where(weights != 0, weights * values, 0.0))

    def item_loss(self, targets: Any, queries: Any, items: Any, seed: Any = None) -> Any:
        """The value at each target, if all are items: targets (T,), queries (T, D) -> (T,) float32."""
        return self._values(targets, queries, ops.ones_like(targets, "bool"), items)

    def _values(self, targets: Any, queries: Any, is_candidate: Any, items: Any) -> Any:
        logits = ops.cast(ops.matmul(queries, ops.transpose(self._vectors(targets, items, queries.dtype))), "float32")
        is_own = ops.eye(ops.shape(targets)[0], dtype="bool")
        if self.counts is not None:
            log_probability = ops.take(self._log_probability, ops.maximum(targets - RESERVED_IDS, 0), axis=0)
            number = ops.sum(ops.cast(is_candidate, "float32"))
            log_expected = log_probability + ops.log(ops.maximum(number - 1.0, 1.0))
            corrected = logits - log_expected
            logits = corrected if self.correct_target else ops.where(is_own, logits, corrected)
        removed = ops.logical_not(is_candidate)
        if self.remove_accidental_hits:  # that of keras-rs 0.4 adds 1e-40, which changes no logit
            removed = ops.logical_or(removed, ops.equal(ops.expand_dims(targets, 1), targets))
        # Finite, so that gradients stay finite if all negatives are removed.
        logits = ops.where(ops.logical_and(removed, ops.logical_not(is_own)), -1e30, logits)
        if self.num_hard_negatives is None:
            positive = ops.diagonal(logits)
        else:
            logits, labels = self._hardest(logits, ops.cast(is_own, "float32"))
            positive = ops.sum(ops.where(labels > 0, logits, 0.0), axis=-1)
        return ops.logsumexp(logits, axis=-1) - positive

    def _vectors(self, targets: Any, items: Any, dtype: str) -> Any:
        if isinstance(items, Callable):
            return ops.cast(items(targets), dtype)
        self.check_items(items.shape[0] - RESERVED_IDS)
        return ops.cast(ops.take(items, targets, axis=0), dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "counts": None if self.counts is None else self.counts.tolist(),
            "correct_target": self.correct_target,
            "remove_accidental_hits": self.remove_accidental_hits,
            "num_hard_negatives": self.num_hard_negatives,
        }
