"""Log-uniform sampling by frequency rank (Zipf's law)."""

import math
from typing import Any

import keras
from keras import ops

from tfrec.losses.negatives.sampler import NegativeSampler
from tfrec.ops import RESERVED_IDS


@keras.saving.register_keras_serializable(package="tfrec")
class LogUniform(NegativeSampler):
    """Zipf's law over the ids, because tfrec's vocabularies sort items by frequency.

    ```
    P(k) = log((k + 2) / (k + 1)) / log(V + 1)         k = id - 2 = 0 .. V - 1
    ```

    The same as TensorFlow's `log_uniform_candidate_sampler`, with replacement.

    Example:
        >>> import keras, numpy as np
        >>> ids, _ = LogUniform().draw((1000,), num_items=3, targets=None, seed=keras.random.SeedGenerator(0))
        >>> share = np.bincount(np.asarray(ids))[2:] / 1000
        >>> np.abs(share - [0.5, 0.292, 0.208]).max() < 0.05
        np.True_
    """

    def draw(self, shape: tuple[Any, ...], num_items: int, targets: Any, seed: Any) -> tuple[Any, Any]:
        """Ids and log P, by inverting the distribution function log(k + 1) / log(V + 1) of the ranks below k."""
        log_ends = math.log(num_items + 1)
        ranks = ops.cast(ops.exp(keras.random.uniform(shape, 0.0, log_ends, dtype="float32", seed=seed)), "int32") - 1
        ranks = ops.clip(ranks, 0, num_items - 1)  # exp rounds
        log_probability = ops.log(ops.log1p(1.0 / (ops.cast(ranks, "float32") + 1.0))) - math.log(log_ends)
        return ranks + RESERVED_IDS, log_probability
