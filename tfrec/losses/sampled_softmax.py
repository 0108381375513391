"""Cross-entropy against a sample of the catalogue."""

import math
from typing import Any

import keras
from keras import ops

from tfrec.losses.item_loss import ItemLoss
from tfrec.ops import RESERVED_IDS


@keras.saving.register_keras_serializable(package="tfrec")
class SampledSoftmax(ItemLoss):
    """Softmax cross-entropy of each target against negatives drawn uniformly for the whole batch.

    ```
    loss = log(exp(q . e_target) + sum_n exp(q . e_n - log(N / V))) - q . e_target
    ```

    The N negatives are drawn with replacement from the V items and shared by all targets of the batch. An item is
    expected N / V times in the sample, so subtracting log(N / V) makes the sum an unbiased estimate of that over
    the whole catalogue: the loss estimates `FullSoftmax`, whatever N is. A negative that equals the target is removed
    where it does. Memory grows with B x L x N, never with V.

    Args:
        num_negatives: N, at least 1.

    Shapes:
        targets (..., ) ids; queries (..., D); items (V + 2, D); a scalar out.

    Raises:
        ValueError: where `num_negatives` is not a positive integer.

    Reference:
        Jean et al., "On Using Very Large Target Vocabulary for Neural Machine Translation", ACL 2015, arXiv 1412.2007.
        There the target is corrected as well; here it is not, since it is always among the candidates.

    Example:
        >>> import keras, numpy as np
        >>> items, queries = np.zeros((1002, 3), "float32"), np.zeros((1, 2, 3), "float32")
        >>> loss = SampledSoftmax(50)(np.array([[0, 2]]), queries, items=items, seed=keras.random.SeedGenerator(0))
        >>> round(float(np.exp(loss)))                    # 1,000 equally likely items, and the target
        1001
    """

    def __init__(self, num_negatives: int = 256, name: str = "sampled_softmax", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        if not isinstance(num_negatives, int) or isinstance(num_negatives, bool) or num_negatives < 1:
            raise ValueError(f"num_negatives must be a positive integer, got {num_negatives!r}.")
        self.num_negatives = num_negatives

    def item_loss(self, targets: Any, queries: Any, items: Any, seed: Any = None) -> Any:
        """Cross-entropy of each target against the sample."""
        num_items = items.shape[0] - RESERVED_IDS
        negatives = keras.random.randint((self.num_negatives,), RESERVED_IDS, items.shape[0], seed=seed)
        positive = ops.sum(queries * ops.cast(ops.take(items, targets, axis=0), queries.dtype), axis=-1)
        sample = ops.cast(ops.take(items, negatives, axis=0), queries.dtype)
        others = ops.cast(ops.matmul(queries, ops.transpose(sample)), "float32")
        others = others - math.log(self.num_negatives / num_items)
        accidental = ops.equal(ops.expand_dims(targets, -1), negatives)
        others = ops.where(accidental, -float("inf"), others)
        positive = ops.cast(positive, "float32")
        return ops.logsumexp(ops.concatenate([ops.expand_dims(positive, -1), others], axis=-1), axis=-1) - positive

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "num_negatives": self.num_negatives}
