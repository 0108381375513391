"""Uniform sampling."""

import math
from typing import Any

import keras

from tfrec.losses.negatives.sampler import NegativeSampler
from tfrec.ops import RESERVED_IDS


@keras.saving.register_keras_serializable(package="tfrec")
class Uniform(NegativeSampler):
    """Every item is equally probable: P(j) = 1 / V.

    Example:
        >>> import keras
        >>> ids, log_probability = Uniform().draw((3,), num_items=8, targets=None, seed=keras.random.SeedGenerator(0))
        >>> ids.shape, round(math.exp(log_probability), 3)
        (TensorShape([3]), 0.125)
    """

    def draw(self, shape: tuple[Any, ...], num_items: int, targets: Any, seed: Any) -> tuple[Any, Any]:
        """Ids, and log(1 / V)."""
        return keras.random.randint(shape, RESERVED_IDS, num_items + RESERVED_IDS, seed=seed), -math.log(num_items)
