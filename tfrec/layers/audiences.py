"""A table of the users of each item."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.ops import RESERVED_IDS, check_pairs, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class Audiences(keras.layers.Layer):
    """A table of the users of each item: item ids in, user ids out.

    The table is empty until `fill(pairs)`. It holds at most `size` users per item. For items with more users, these are
    a random sample without repetition, which depends only on the seed. The table is saved with the weights, but not
    trained. It takes 4 x num_items x size bytes.

    Args:
        num_items: rows of the table, including the reserved ids.
        num_users: number of user ids, including the reserved ids.
        size: A, the maximum number of users per item.
        seed: seed of the samples; None means 0.

    Shapes:
        item ids (...) to user ids (..., A) int32, padded with 0 after the last one.

    Raises:
        ValueError: if a size is not a positive integer.

    Example:
        >>> import numpy as np
        >>> audiences = Audiences(num_items=5, num_users=9, size=2)
        >>> audiences.build()
        >>> audiences.fill(np.array([[7, 2], [8, 2], [7, 3]]))  # user, item
        >>> np.sort(np.asarray(audiences(np.array([2, 3, 4])))).tolist()
        [[7, 8], [0, 7], [0, 0]]
    """

    def __init__(self, num_items: int, num_users: int, size: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_items = check_size("num_items", num_items)
        self.num_users = check_size("num_users", num_users)
        self.size = check_size("size", size)
        self.seed = seed

    def build(self, input_shape: Any = None) -> None:
        self.users = self.add_weight(
            name="users", shape=(self.num_items, self.size), initializer="zeros", dtype="int32", trainable=False
        )
        self.built = True

    def fill(self, pairs: np.ndarray) -> None:
        """Set the users of all items.

        Args:
            pairs: (N, 2) ids of a user and an item, each pair once. Pairs with reserved ids are left out.

        Raises:
            ValueError: if `pairs` has another shape, or an id is outside the tables.
        """
        pairs = check_pairs(pairs)
        highest = pairs.max(axis=0, initial=0)
        if highest[0] >= self.num_users or highest[1] >= self.num_items or pairs.min(initial=0) < 0:
            raise ValueError(
                f"The pairs must have user ids from 0 to {self.num_users - 1} and item ids from 0 to "
                f"{self.num_items - 1}, got ids from {pairs.min()} to {highest.tolist()}: they belong to another "
                "vocabulary. Encode them with the FeatureSpec that the model was built for."
            )
        pairs = np.random.default_rng(self.seed or 0).permutation(pairs[(pairs >= RESERVED_IDS).all(axis=1)])
        users, items = pairs[np.argsort(pairs[:, 1], kind="stable")].T
        _, first, counts = np.unique(items, return_index=True, return_counts=True)
        place = np.arange(len(items)) - np.repeat(first, counts)
        kept = place < self.size
        table = np.zeros((self.num_items, self.size), "int32")
        table[items[kept], place[kept]] = users[kept]
        self.users.assign(table)

    def call(self, inputs: Any) -> Any:
        return ops.take(self.users, inputs, axis=0)

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor((*inputs.shape, self.size), "int32")

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("num_items", "num_users", "size", "seed")}
        return {**super().get_config(), **own}
