"""Softmax cross-entropy against a sample of the catalogue."""

import math
from typing import Any

import keras
from keras import ops

from tfrec.losses.negatives import NegativeSampler, sampler_of
from tfrec.losses.sampled_loss import SampledLoss


@keras.saving.register_keras_serializable(package="tfrec")
class SampledSoftmax(SampledLoss):
    """Softmax cross-entropy of each target against N sampled negatives, with logQ correction.

    ```
    loss = log(exp(q . e_target) + sum_n exp(q . e_n - log(N P(n)))) - q . e_target
    ```

    The N negatives are drawn with replacement, item j with probability P(j), so j is expected N P(j) times in the
    sample. Subtracting log(N P(j)), the logQ correction, makes the sum an unbiased estimate of the sum over the whole
    catalogue: the loss estimates `FullSoftmax` for any N and P. A negative that equals the target is removed.
    Memory grows with T x N, not with V (but see `draw_per="token"`).

    The target is not corrected, because it is always a candidate. Jean et al. and Yi et al. correct it as well, which
    biases the estimate, as Khrylchenko et al. show.

    Args:
        num_negatives: N, at least 1.
        negatives: the sampler. "uniform", P(j) = 1 / V; "log-uniform", Zipf's law by rank; or an object of
            `tfrec.losses.negatives`: `Popularity(spec.item_counts, power)`, or `InBatch(spec.item_counts)` for the
            targets of the other positions. Recipes name these "popularity" and "in-batch", without counts.
            A P close to the softmax, such as popularity, makes the estimate less noisy.
        draw_per: "batch" draws once for all targets, "group" for 64 targets together, "token" for each; see
            `tfrec.losses.sampled_loss` for the cost.
        name: name of the loss, for logs.

    Shapes:
        targets (..., ) ids; queries (..., D); items (V + 2, D); a scalar out.

    Raises:
        ValueError: if `num_negatives` is not a positive integer, `negatives` or `draw_per` is unknown, or the number
            of counts differs from the number of items in the table.

    Reference:
        Jean et al., "On Using Very Large Target Vocabulary for Neural Machine Translation", ACL 2015, arXiv 1412.2007.
        Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019.
        Khrylchenko et al., "Correcting the LogQ Correction", RecSys 2025, arXiv 2507.09331.

    Example:
        >>> import keras, numpy as np
        >>> items, queries = np.zeros((1002, 3), "float32"), np.zeros((1, 2, 3), "float32")
        >>> loss = SampledSoftmax(50)(np.array([[0, 2]]), queries, items=items, seed=keras.random.SeedGenerator(0))
        >>> round(float(np.exp(loss)))                    # 1,000 equally likely items, and the target
        1001
    """

    def __init__(
        self,
        num_negatives: int = 256,
        negatives: str | NegativeSampler = "uniform",
        draw_per: str = "batch",
        name: str = "sampled_softmax",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_negatives, sampler_of(negatives), draw_per, name, **kwargs)
        self.negatives = negatives

    def compare(self, positive: Any, negatives: Any, is_hit: Any, log_probability: Any, num_items: int) -> Any:
        """log(1 + sum exp(corrected - positive)), as a softplus: stable for any score."""
        corrected = negatives - (log_probability + math.log(self.num_negatives))
        # Finite, so that gradients stay finite if all negatives are removed.
        corrected = ops.where(is_hit, -1e30, corrected)
        return ops.softplus(ops.logsumexp(corrected, axis=-1) - positive)
