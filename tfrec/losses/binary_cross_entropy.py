"""Binary cross-entropy with sampled negatives, and its calibrated form gBCE."""

import math
from typing import Any

import keras
from keras import ops

from tfrec.losses.negatives import Uniform
from tfrec.losses.sampled_loss import SampledLoss


@keras.saving.register_keras_serializable(package="tfrec")
class BinaryCrossEntropy(SampledLoss):
    """Binary cross-entropy of each target against N uniformly sampled negatives; with `calibration`, gBCE.

    ```
    loss = -beta log sigma(q . e_target - c) - sum_n log(1 - sigma(q . e_n - c))
    beta = 1 - t (1 - alpha)         alpha = min(1, N / (V - 1))         c = log(N / beta) if balanced else 0
    ```

    With one negative and t = 0 this is the loss of SASRec. A model trained with it is overconfident: it sees one of V
    negatives per positive, so sigma(score) is far above the probability of the item, and the best items get almost
    equal scores. The exponent beta corrects this: at t = 1, sigma(score) of the trained model is the probability of the
    item, as if all items had been negatives. gSASRec uses t = 0.75 with N = 256.

    At the start of training all scores are near 0, and N negatives push them down while one positive pulls them up. The
    item vectors then first grow a common component, and for thousands of steps the model learns popularity only.
    `balanced` shifts the scores by c, at which both gradients cancel initially. This avoids the plateau and does not
    change the ranking of items. With one negative and t = 0, c is 0.

    Differences from the papers: beta equals gSASRec's `alpha (t (1 - 1/alpha) + 1/alpha)`, expanded. The authors of
    gSASRec divide by N + 1; SASRec's authors do not, and neither does this class; Adam is invariant to this factor.
    SASRec samples negatives outside the user's history; here, as in gSASRec, any item but the target can be one.

    Args:
        num_negatives: N.
        calibration: t, from 0 (plain BCE) to 1.
        draw_per: "token" draws for each target, "group" for 64 targets together, "batch" for all; see
            `tfrec.losses.sampled_loss` for the cost. With hundreds of negatives, use "group".
        balanced: shift the scores by c; sigma(score - c) is then the probability.
        name: name of the loss, for logs.

    Shapes:
        targets (..., ) ids; queries (..., D); items (V + 2, D); a scalar out.

    Raises:
        ValueError: if `num_negatives` is not a positive integer, `calibration` is not between 0 and 1, or
            `draw_per` is unknown.

    Reference:
        Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv 1808.09781, for BCE.
        Petrov and Macdonald, "gSASRec: Reducing Overconfidence in Sequential Recommendation Trained with Negative
        Sampling", RecSys 2023, arXiv 2308.07192, for gBCE.

    Example:
        >>> import keras, numpy as np
        >>> items, queries = np.zeros((1002, 3), "float32"), np.zeros((1, 2, 3), "float32")
        >>> loss = BinaryCrossEntropy(1)(np.array([[0, 2]]), queries, items=items, seed=keras.random.SeedGenerator(0))
        >>> round(float(np.exp(-loss)), 3)                # sigma(0) of the positive times that of the negative
        0.25
    """

    def __init__(
        self,
        num_negatives: int = 1,
        calibration: float = 0.0,
        draw_per: str = "token",
        balanced: bool = False,
        name: str = "binary_cross_entropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_negatives, Uniform(), draw_per, name, **kwargs)
        if isinstance(calibration, bool) or not isinstance(calibration, int | float) or not 0 <= calibration <= 1:
            raise ValueError(f"calibration must be a number from 0 to 1, got {calibration!r}.")
        if not isinstance(balanced, bool):
            raise ValueError(f"balanced must be true or false, got {balanced!r}.")
        self.calibration = calibration
        self.balanced = balanced

    def compare(self, positive: Any, negatives: Any, is_hit: Any, log_probability: Any, num_items: int) -> Any:
        """-beta log sigma(positive) - sum log(1 - sigma(negatives)), both as softplus: stable for any score."""
        alpha = min(1.0, self.num_negatives / max(1, num_items - 1))
        beta = 1 - self.calibration * (1 - alpha)
        centre = math.log(self.num_negatives / beta) if self.balanced else 0.0
        against = ops.sum(ops.where(is_hit, 0.0, ops.softplus(negatives - centre)), axis=-1)
        return beta * ops.softplus(centre - positive) + against

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "calibration": self.calibration, "balanced": self.balanced}
