"""Vectors of users who are not in the training data, computed from their items."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.ops import RESERVED_IDS, check_pairs, check_size, is_item

_MOST_USERS = 100_000  # that the map is fitted on
_RIDGE = 1e-3  # of the mean diagonal of X^T X


@keras.saving.register_keras_serializable(package="tfrec")
class FoldIn(keras.layers.Layer):
    """An affine map from the mean vector of a user's items to the user's vector.

    ```
    u = (1 / n) sum over the n items i of E[i] W + b
    ```

    W starts as the identity and b as 0. They are not trained: `solve` fits both to the users of the training data, by
    one ridge regression. A new user then gets a vector similar to those of training users with the same items.

    Args:
        units: width of the vectors of users.

    Shapes:
        item vectors (B, L, D) and their ids (B, L), where padding and unknown ids are ignored; output (B, units).

    Example:
        >>> vectors = np.array([[[9.0, 9.0], [1.0, 3.0], [3.0, 1.0]]], "float32")
        >>> np.asarray(FoldIn(2)(vectors, np.array([[0, 4, 5]]))).tolist()
        [[2.0, 2.0]]
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = check_size("units", units)

    def build(self, vectors_shape: tuple[int | None, ...], ids_shape: Any = None) -> None:
        width = int(vectors_shape[-1])
        identity = np.eye(width, self.units, dtype="float32")
        self.kernel = self.add_weight(
            name="kernel", shape=(width, self.units), initializer=lambda *_, **__: identity, trainable=False
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros", trainable=False)
        self.built = True

    def call(self, vectors: Any, ids: Any) -> Any:
        real = ops.cast(ops.expand_dims(is_item(ids), -1), vectors.dtype)
        mean = ops.sum(vectors * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1.0)
        return ops.matmul(mean, ops.cast(self.kernel, mean.dtype)) + ops.cast(self.bias, mean.dtype)

    def solve(self, pairs: np.ndarray, users: np.ndarray, items: np.ndarray) -> None:
        """Fit W and b to the users of the training data.

        Args:
            pairs: (N, 2) ids of a user and an item, ordered by user, as `tfrec.data.known_pairs` returns them.
            users: (U + 2, units), the vectors of all user ids.
            items: (V + 2, D), the vectors of all item ids.
        """
        pairs = check_pairs(pairs)
        ids, starts = np.unique(pairs[:, 0], return_index=True)
        ids, starts = ids[ids >= RESERVED_IDS], starts[ids >= RESERVED_IDS]
        if not len(ids):
            return
        if len(ids) > _MOST_USERS:
            some = np.sort(np.random.default_rng(0).choice(len(ids), _MOST_USERS, replace=False))
        else:
            some = np.arange(len(ids))
        ends = np.append(starts[1:], len(pairs))
        means = np.stack([items[pairs[starts[at] : ends[at], 1]].mean(axis=0) for at in some]).astype("float64")
        wanted = users[ids[some]].astype("float64")
        centre, level = means.mean(axis=0), wanted.mean(axis=0)
        inner = (means - centre).T @ (means - centre)
        inner += np.eye(len(inner)) * max(_RIDGE * np.trace(inner) / len(inner), 1e-12)
        kernel = np.linalg.solve(inner, (means - centre).T @ (wanted - level))
        self.kernel.assign(kernel.astype("float32"))
        self.bias.assign((level - centre @ kernel).astype("float32"))

    def compute_output_shape(
        self, vectors_shape: tuple[int | None, ...], ids_shape: Any = None
    ) -> tuple[int | None, int]:
        return (vectors_shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
