"""Simulate unseen items in training, so that the model learns to handle them."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import RESERVED_IDS, UNKNOWN_ID


@keras.saving.register_keras_serializable(package="tfrec")
class ColdStart(keras.layers.Layer):
    """Replaces a share of the items by the unseen id in training, and sets the count of all unseen items to one value.

    ```
    training:   id = 1 with probability `rate`, unchanged otherwise
    always:     count = `cold_count` where id is 1 or 0, unchanged otherwise
    ```

    A model that never sees id 1 in training learns nothing for it. If some items appear as new, the model learns to
    rely on their other features.

    Args:
        rate: share of the rows whose item is replaced by the unseen id in training, at least 0 and below 1.
        cold_count: count of an unseen item, on the scale of the counts; 0 if they are log(1 + count).
        seed: seed of the draws.

    Shapes:
        ids (B,) int and counts (B,) float; returns both with the same shapes.

    Raises:
        ValueError: if the rate is out of range.

    Reference:
        Volkovs, Yu and Poutanen, "DropoutNet: Addressing Cold Start in Recommender Systems", NeurIPS 2017. In the paper
        the vector of a pretrained model is set to zero; here the id is replaced, so that unseen items have their own
        learned vector.

    Example:
        >>> import numpy as np
        >>> ids, counts = ColdStart(rate=0.5)(np.array([1, 7]), np.array([9.0, 9.0], "float32"))
        >>> np.asarray(ids).tolist(), np.asarray(counts).tolist()
        ([1, 7], [0.0, 9.0])
    """

    def __init__(self, rate: float = 0.1, cold_count: float = 0.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate, the share of cold rows, must be at least 0 and below 1, got {rate!r}.")
        self.rate = rate
        self.cold_count = cold_count
        self.seed = seed
        self.draws = keras.random.SeedGenerator(seed)

    def call(self, ids: Any, counts: Any, training: bool | None = None) -> tuple[Any, Any]:
        if training and self.rate:
            is_cold = keras.random.uniform(ops.shape(ids), seed=self.draws) < self.rate
            # A missing item stays missing.
            ids = ops.where(is_cold & (ids >= RESERVED_IDS), ops.cast(UNKNOWN_ID, ids.dtype), ids)
        return ids, ops.where(ids < RESERVED_IDS, ops.cast(self.cold_count, counts.dtype), counts)

    def compute_output_spec(self, ids: Any, counts: Any, training: bool | None = None) -> Any:
        return keras.KerasTensor(ids.shape, ids.dtype), keras.KerasTensor(counts.shape, counts.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "cold_count": self.cold_count, "seed": self.seed}
