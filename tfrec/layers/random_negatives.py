"""Random negatives for the items of a history."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import RESERVED_IDS, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class RandomNegatives(keras.layers.Layer):
    """In training, draws one negative item per position, uniformly from all items except the one at that position.

    In inference, the history is returned unchanged.

    Args:
        size: size of the item feature; item ids run from 2 to size - 1.
        seed: seed of the draws.

    Shapes:
        history (B, L) int; output (B, L) int32.

    Raises:
        ValueError: if there are fewer than two items.

    Example:
        >>> import numpy as np
        >>> RandomNegatives(size=4)(np.array([[0, 2, 3]]), training=True).numpy()[0, 1:].tolist()
        [3, 2]
    """

    def __init__(self, size: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # At least two items, so that another one exists.
        self.size = check_size("size", size, least=RESERVED_IDS + 2)
        self.seed = seed
        self.draws = keras.random.SeedGenerator(seed)

    def call(self, history: Any, training: bool | None = None) -> Any:
        history = ops.cast(history, "int32")
        if not training:
            return history
        drawn = keras.random.randint(ops.shape(history), RESERVED_IDS, self.size - 1, dtype="int32", seed=self.draws)
        # Draw from one id fewer, and add 1 to draws at or above the item's own id, which is thereby skipped.
        return ops.where(ops.greater_equal(drawn, history) & ops.greater_equal(history, RESERVED_IDS), drawn + 1, drawn)

    def compute_output_shape(self, history_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return history_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "seed": self.seed}
