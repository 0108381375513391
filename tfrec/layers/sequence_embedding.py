"""From the ids of a padded history to vectors with positions."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.item_vectors import ItemVectors
from tfrec.layers.position_embedding import PositionEmbedding
from tfrec.ops import PADDING_ID, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class SequenceEmbedding(keras.layers.Layer):
    """Item vectors, scaled, plus positions counted from the newest item; zero at padding.

    `y = drop(sqrt(D) E[ids] + P)` where an item stands, 0 where `ids` is 0.

    Args:
        num_ids: rows of E, the reserved ids included.
        hidden_dim: D.
        max_length: the longest history.
        dropout: rate.
        seed: of the initial item vectors.

    Shapes:
        input (B, L) integer ids with L at most `max_length`; output (B, L, D).

    Raises:
        ValueError: where L is known and greater than `max_length`.

    Example:
        >>> import numpy as np
        >>> layer = SequenceEmbedding(num_ids=12, hidden_dim=4, max_length=5)
        >>> np.asarray(layer(np.array([[0, 7]]))).any(axis=-1).tolist()
        [[False, True]]
    """

    def __init__(
        self,
        num_ids: int,
        hidden_dim: int,
        max_length: int,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_ids = check_size("num_ids", num_ids)
        self.hidden_dim = check_size("hidden_dim", hidden_dim)
        self.max_length = check_size("max_length", max_length)
        self.dropout = dropout
        self.seed = seed
        self.items = ItemVectors(
            num_ids,
            hidden_dim,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02, seed=seed),
            dtype=self.dtype_policy,
            name="items",
        )
        self.positions = PositionEmbedding(max_length, dtype=self.dtype_policy, name="positions")
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="drop")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make E and P."""
        self.items.build(input_shape)
        self.positions.build((*input_shape, self.hidden_dim))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Look up, scale, add positions, drop, and clear the padding."""
        x = self.positions(self.items(inputs) * self.hidden_dim**0.5)
        is_real = ops.cast(ops.expand_dims(ops.not_equal(inputs, PADDING_ID), -1), x.dtype)
        return self.drop(x, training=training) * is_real

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(B, L, D)."""
        return (*input_shape, self.hidden_dim)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {
            "num_ids": self.num_ids,
            "hidden_dim": self.hidden_dim,
            "max_length": self.max_length,
            "dropout": self.dropout,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
