"""Hide ids of some rows in training, so that the model learns to predict without them."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfrec")
class HideIds(keras.layers.Layer):
    """Replaces all ids of a share of the rows by one value in training.

    ```
    training:   ids of the row = `value` with probability `rate`, unchanged otherwise
    inference:  unchanged
    ```

    So the model learns a vector for the unknown id, and learns to use the other inputs of the row.

    Args:
        rate: share of the rows, at least 0 and below 1.
        value: the id that replaces them: 1 for users and items, 0 for histories, which are then empty.
        seed: seed of the draws.

    Shapes:
        ids (B,) or (B, L); output of the same shape.

    Raises:
        ValueError: if the rate is out of range.

    Reference:
        Volkovs, Yu and Poutanen, "DropoutNet: Addressing Cold Start in Recommender Systems", NeurIPS 2017.

    Example:
        >>> import numpy as np
        >>> np.asarray(HideIds(0.5)(np.array([4, 7]))).tolist()  # nothing is hidden at inference
        [4, 7]
    """

    def __init__(self, rate: float, value: int = 1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate, the share of hidden rows, must be at least 0 and below 1, got {rate!r}.")
        self.rate = rate
        self.value = value
        self.seed = seed
        self.draws = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, ids: Any, training: bool | None = None) -> Any:
        if not training or not self.rate:
            return ids
        shape = (ops.shape(ids)[0], *(1 for _ in ids.shape[1:]))
        return ops.where(keras.random.uniform(shape, seed=self.draws) < self.rate, ops.cast(self.value, ids.dtype), ids)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "value": self.value, "seed": self.seed}
