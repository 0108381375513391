"""Bayesian personalised ranking: each target should score higher than sampled negatives."""

from typing import Any

import keras
from keras import ops

from tfrec.losses.negatives import NegativeSampler, sampler_of
from tfrec.losses.sampled_loss import SampledLoss


@keras.saving.register_keras_serializable(package="tfrec")
class BPR(SampledLoss):
    """The pairwise logistic loss of each target against N sampled negatives.

    ```
    loss = mean over n of -log sigma(q . e_target - q . e_n)
    ```

    Each term depends only on the order of the target and one negative, so the loss optimises the area under the ROC
    curve of each user. If the top of the list matters, softmax losses reach a higher NDCG.

    A negative that equals the target is ignored. In the paper negatives are items that the user does not have; here, as
    in all losses of tfrec, any item but the target can be one. The regularisation of the paper is left to the
    optimizer's `weight_decay`.

    Args:
        num_negatives: N, at least 1.
        negatives: the sampler; see `SampledSoftmax`.
        draw_per: "token" draws for each target, "group" for 64 targets together, "batch" for all; see
            `tfrec.losses.sampled_loss` for the cost.
        name: name of the loss, for logs.

    Shapes:
        targets (..., ) ids; queries (..., D); items (V + 2, D); a scalar out.

    Raises:
        ValueError: if `num_negatives` is not a positive integer, or `negatives` or `draw_per` is unknown.

    Reference:
        Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009, arXiv 1205.2618.

    Example:
        >>> import keras, numpy as np
        >>> items, queries = np.zeros((1002, 3), "float32"), np.zeros((1, 2, 3), "float32")
        >>> loss = BPR()(np.array([[0, 2]]), queries, items=items, seed=keras.random.SeedGenerator(0))
        >>> round(float(np.exp(-loss)), 3)                # each of the two is equally likely to rank first
        0.5
    """

    def __init__(
        self,
        num_negatives: int = 1,
        negatives: str | NegativeSampler = "uniform",
        draw_per: str = "token",
        name: str = "bpr",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_negatives, sampler_of(negatives), draw_per, name, **kwargs)
        self.negatives = negatives

    def compare(self, positive: Any, negatives: Any, is_hit: Any, log_probability: Any, num_items: int) -> Any:
        """Mean of softplus(negative - positive), stable for any score."""
        apart = ops.softplus(negatives - ops.expand_dims(positive, -1))
        return ops.mean(ops.where(is_hit, 0.0, apart), axis=-1)
