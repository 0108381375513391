"""Item embeddings of a padded history, without positions."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.item_vectors import ItemVectors
from tfrec.ops import PADDING_ID, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class ItemEmbedding(keras.layers.Layer):
    """Scaled item vectors, zero at padding, for models without position embeddings.

    `y = drop(sqrt(D) E[ids])` at items, 0 where `ids` is 0.

    Args:
        num_ids: rows of E, including the reserved ids.
        hidden_dim: D.
        dropout: rate.
        seed: seed of the initial item vectors.

    Shapes:
        input (B, L) integer ids; output (B, L, D).

    Example:
        >>> import numpy as np
        >>> layer = ItemEmbedding(num_ids=12, hidden_dim=4)
        >>> np.asarray(layer(np.array([[0, 7]]))).any(axis=-1).tolist()
        [[False, True]]
    """

    def __init__(
        self, num_ids: int, hidden_dim: int, dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_ids = check_size("num_ids", num_ids)
        self.hidden_dim = check_size("hidden_dim", hidden_dim)
        self.dropout = dropout
        self.seed = seed
        self.items = ItemVectors(
            num_ids,
            hidden_dim,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02, seed=seed),
            dtype=self.dtype_policy,
            name="items",
        )
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="drop")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.items.build(input_shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = self.drop(self.vectors(inputs), training=training)
        return x * ops.cast(ops.expand_dims(ops.not_equal(inputs, PADDING_ID), -1), x.dtype)

    def vectors(self, inputs: Any) -> Any:
        """The scaled vectors of (B, L) ids, (B, L, D), also at padding."""
        return self.items(inputs) * self.hidden_dim**0.5

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape, self.hidden_dim)

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_ids": self.num_ids,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
