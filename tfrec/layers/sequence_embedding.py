"""Item embeddings of a padded history, with positions."""

from typing import Any

import keras

from tfrec.layers.item_embedding import ItemEmbedding
from tfrec.layers.position_embedding import PositionEmbedding
from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class SequenceEmbedding(ItemEmbedding):
    """Scaled item vectors plus position vectors counted from the newest item; zero at padding.

    `y = drop(sqrt(D) E[ids] + P)` at items, 0 where `ids` is 0.

    Args:
        num_ids: rows of E, including the reserved ids.
        hidden_dim: D.
        max_length: the longest history.
        dropout: rate.
        seed: seed of the initial item vectors.

    Shapes:
        input (B, L) integer ids with L at most `max_length`; output (B, L, D).

    Raises:
        ValueError: if L is known and greater than `max_length`.

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
        super().__init__(num_ids, hidden_dim, dropout, seed, **kwargs)
        self.max_length = check_size("max_length", max_length)
        self.positions = PositionEmbedding(max_length, dtype=self.dtype_policy, name="positions")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.positions.build((*input_shape, self.hidden_dim))

    def vectors(self, inputs: Any) -> Any:
        """The scaled vectors of (B, L) ids plus the position vectors, (B, L, D), also at padding."""
        return self.positions(super().vectors(inputs))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length}
