"""In-batch negatives: the targets of the other positions."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.losses.negatives.popularity_sampler import check_counts, check_fits
from tfrec.losses.negatives.sampler import NegativeSampler
from tfrec.ops import RESERVED_IDS, is_item


@keras.saving.register_keras_serializable(package="tfrec")
class InBatch(NegativeSampler):
    """Samples from the targets of the batch; an item is drawn as often as it is a target, P(j) = count_j / sum.

    Without the correction for P, popular items would be penalised. P is taken from the counts of the training data, so
    that over many batches the loss estimates the softmax over the whole catalogue. The frequencies within the batch
    would only estimate the softmax over the items of that batch.

    Differences from the paper: it estimates P from the stream of batches, because its items come and go; here the
    counts are known. It uses all targets of a batch; here N are sampled, because a batch of sequences has thousands. It
    corrects the target too; see `SampledSoftmax`.

    Args:
        counts: (V,) positive numbers, in the order of the ids: `spec.item_counts`. The config stores them as a list.

    Raises:
        ValueError: if `counts` are not positive finite numbers, one per item.

    Reference:
        Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019.

    Example:
        >>> import keras
        >>> targets = np.array([0, 4, 4, 0])
        >>> ids, log_probability = InBatch([2, 1, 1]).draw((3,), 3, targets, keras.random.SeedGenerator(0))
        >>> np.asarray(ids).tolist(), np.exp(log_probability).tolist()
        ([4, 4, 4], [0.25, 0.25, 0.25])
    """

    needs_counts = True

    def __init__(self, counts: Any) -> None:
        self.counts = check_counts(counts)
        self._log_probability = np.log(self.counts / self.counts.sum()).astype("float32")

    def draw(self, shape: tuple[Any, ...], num_items: int, targets: Any, seed: Any) -> tuple[Any, Any]:
        """Ids from the targets, and the log of their share of the counts."""
        check_fits(self.counts, num_items)
        # One extra item, sampled only if no target counts: the draw must return something then too.
        candidates = ops.concatenate([targets, ops.full((1,), RESERVED_IDS, targets.dtype)], axis=0)
        up_to = ops.cumsum(ops.cast(is_item(targets), "int32"))
        total = ops.sum(ops.cast(is_item(targets), "int32"))
        places = keras.random.uniform(shape, dtype="float32", seed=seed) * ops.cast(total, "float32")
        nth = ops.minimum(ops.cast(places, "int32"), ops.maximum(total - 1, 0))  # the product rounds
        at = ops.reshape(ops.searchsorted(up_to, ops.reshape(nth, (-1,)), side="right"), ops.shape(nth))
        ids = ops.cast(ops.take(candidates, at, axis=0), "int32")
        return ids, ops.take(self._log_probability, ids - RESERVED_IDS, axis=0)

    def get_config(self) -> dict[str, Any]:
        return {"counts": self.counts.tolist()}
