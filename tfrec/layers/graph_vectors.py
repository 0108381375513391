"""User and item vectors that are propagated over the graph of interactions."""

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.ops import check_size

COMBINATIONS = ("mean", "attention")


@keras.saving.register_keras_serializable(package="tfrec")
class GraphVectors(keras.layers.Layer):
    """Vectors of users and items that are propagated along the edges between them.

    After `connect(user_ids, item_ids)`, one step of propagation replaces the vector of each user by a weighted sum of
    the vectors of the user's items, and the vector of each item by a weighted sum of the vectors of its users. An edge
    has the weight 1 / sqrt(degree of the user x degree of the item). With e_0 the trained vectors and A the matrix of
    these weights:

    ```
    e_k = A e_(k-1)                                  k = 1 ... K
    "mean":       e = sum over k of e_k / (K + 1)
    "attention":  e = sum over k of a_k e_k,         a = softmax over k of (q . e_k / sqrt(D)), for each node
    ```

    Only edges are stored and multiplied, so time and memory of a step are proportional to the number of edges times D.

    `fold()` replaces the trained vectors with the propagated ones and removes the graph. Then the layer is an ordinary
    table of users and one of items; saved files hold these tables too. Before `connect` and after `fold`, nothing is
    propagated.

    Args:
        num_users: rows of the table of users, including the reserved ids.
        num_items: rows of the table of items, including the reserved ids.
        output_dim: D.
        num_layers: K, at least 1.
        combine: "mean" of the results of the K steps and the trained vector, or "attention" of each node over them.
        seed: seed of the initial vectors.

    On TensorFlow, a step is a product with a sparse matrix, which takes a tenth of the time of sums over edges. XLA
    cannot compile it, so `supports_jit` is false and Keras trains without XLA.

    Shapes:
        `propagate()` returns (num_users, D) and (num_items, D); the layer takes (...,) integer ids of users and
        returns (..., D).

    Raises:
        ValueError: if a size is not a positive integer, or `combine` is unknown.

    Reference:
        He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020,
        arXiv 2002.02126.

    Example:
        >>> import numpy as np
        >>> vectors = GraphVectors(4, 5, 8, num_layers=2)
        >>> vectors.build()
        >>> vectors.connect(np.array([2, 2, 3]), np.array([2, 3, 3]))  # ids 0 and 1 are reserved
        >>> users, items = vectors.propagate()
        >>> users.shape, items.shape
        (TensorShape([4, 8]), TensorShape([5, 8]))
        >>> vectors.fold()
        >>> bool(np.allclose(np.asarray(vectors(np.array([2, 3]))), np.asarray(users)[2:], atol=1e-6))
        True
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        output_dim: int,
        num_layers: int = 3,
        combine: str = "mean",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_users = check_size("num_users", num_users)
        self.num_items = check_size("num_items", num_items)
        self.output_dim = check_size("output_dim", output_dim)
        self.num_layers = check_size("num_layers", num_layers)
        if combine not in COMBINATIONS:
            raise ValueError(f"combine must be one of {', '.join(COMBINATIONS)}, got {combine!r}.")
        self.combine = combine
        self.seed = seed
        self.supports_jit = keras.backend.backend() != "tensorflow"  # XLA has no sparse matrices
        self._edges: dict[str, Any] | None = None

    def build(self, input_shape: Any = None) -> None:
        seeds = np.random.SeedSequence(self.seed).generate_state(2) if self.seed is not None else (None, None)
        for name, rows, seed in (("users", self.num_users, seeds[0]), ("items", self.num_items, seeds[1])):
            initializer = keras.initializers.RandomNormal(stddev=0.1, seed=None if seed is None else int(seed))
            weight = self.add_weight(shape=(rows, self.output_dim), initializer=initializer, name=name)
            setattr(self, f"_{name}", weight)
        # By which an item counts in the vector of a user that is computed from a history: 1 / sqrt(degree).
        self.item_scale = self.add_weight(
            shape=(self.num_items,), initializer="ones", trainable=False, name="item_scale"
        )
        self.built = True

    @property
    def is_connected(self) -> bool:
        """Whether there is a graph to propagate over."""
        return self._edges is not None

    def connect(self, user_ids: np.ndarray, item_ids: np.ndarray) -> None:
        """Set the edges of the graph. Call it before the optimizer is built.

        Args:
            user_ids: (E,) integer ids of users.
            item_ids: (E,) integer ids of items. A pair that occurs several times is one edge.

        Raises:
            ValueError: if the layer is not built, the ids are not two integer lists of equal length, or an id is
                outside its table.
        """
        if not self.built:
            raise ValueError(f"{self.name} has no vectors yet: call build() before connect().")
        pairs = []
        for name, ids, rows in (("user_ids", user_ids, self.num_users), ("item_ids", item_ids, self.num_items)):
            ids = np.asarray(ids)
            if ids.ndim != 1 or ids.dtype.kind not in "iu":
                raise ValueError(f"{name} must be a list of integer ids, got {ids.dtype} of shape {ids.shape}.")
            if ids.size and not 0 <= ids.min() <= ids.max() < rows:
                raise ValueError(
                    f"{name} must lie between 0 and {rows - 1}, the last row of the table; got "
                    f"{ids.min()} to {ids.max()}."
                )
            pairs.append(ids.astype("int64"))
        if len(pairs[0]) != len(pairs[1]):
            raise ValueError(f"Each edge has a user and an item: got {len(pairs[0])} users, {len(pairs[1])} items.")
        users, items = np.divmod(np.unique(pairs[0] * self.num_items + pairs[1]), self.num_items)  # sorted by user
        scales = [
            (1 / np.sqrt(np.maximum(np.bincount(ids, minlength=rows), 1))).astype("float32")
            for ids, rows in ((users, self.num_users), (items, self.num_items))
        ]
        by_item = np.argsort(items, kind="stable")
        self._edges = {
            "to_users": _Edges(users, items, *scales),
            "to_items": _Edges(items[by_item], users[by_item], *reversed(scales)),
        }
        self.item_scale.assign(scales[1])
        if self.combine == "attention" and not hasattr(self, "layer_query"):
            self._tracker.unlock()
            self.layer_query = self.add_weight(shape=(self.output_dim,), initializer="zeros", name="layer_query")
            self._tracker.lock()

    def propagate(self) -> tuple[Any, Any]:
        """The vectors of all users and of all items."""
        if not self.is_connected:
            return self._users * 1, self._items * 1
        of_users, of_items = zip(*self._steps(), strict=True)
        if self.combine == "mean":
            return sum(of_users) / len(of_users), sum(of_items) / len(of_items)
        return self._attend(of_users), self._attend(of_items)

    def layer_weights(self) -> tuple[Any, Any] | None:
        """The attention weights of each node over the K + 1 layers, (num_users, K + 1) and (num_items, K + 1).

        None if the layers are combined by their mean, or if there is no graph.
        """
        if not self.is_connected or self.combine == "mean":
            return None
        of_users, of_items = zip(*self._steps(), strict=True)
        return self._weigh(of_users), self._weigh(of_items)

    def _steps(self) -> list[tuple[Any, Any]]:
        steps = [(self._users * 1, self._items * 1)]  # tensors: a custom gradient of TensorFlow takes no variables
        forth, back = (self._edges[name].product() for name in ("to_users", "to_items"))
        to_users, to_items = _differentiable(forth, back), _differentiable(back, forth)
        for _ in range(self.num_layers):
            users, items = steps[-1]
            steps.append((to_users(items), to_items(users)))
        return steps

    def _weigh(self, steps: Any) -> Any:
        """(N, K + 1), the softmax over the layers for each node."""
        query = ops.reshape(self.layer_query, (1, -1)) / self.output_dim**0.5
        return ops.softmax(ops.stack([ops.sum(step * query, axis=-1) for step in steps], axis=-1), axis=-1)

    def _attend(self, steps: Any) -> Any:
        weights = self._weigh(steps)
        return sum(weights[:, k : k + 1] * step for k, step in enumerate(steps))

    def call(self, inputs: Any) -> Any:
        return ops.take(self.propagate()[0], inputs, axis=0)

    def fold(self) -> None:
        """Replace the trained vectors with the propagated ones and remove the graph; without a graph, do nothing."""
        if not self.is_connected:
            return
        users, items = (ops.convert_to_numpy(part) for part in self.propagate())
        self._edges = None
        if hasattr(self, "layer_query"):
            del self.layer_query
        self._users.assign(users)
        self._items.assign(items)

    def save_own_variables(self, store: Any) -> None:
        """Save the propagated vectors, which every copy of the layer can load, and what resuming the training needs."""
        users, items = self.propagate()
        store["users"], store["items"] = ops.convert_to_numpy(users), ops.convert_to_numpy(items)
        store["item_scale"] = ops.convert_to_numpy(self.item_scale)
        if self.is_connected:
            store["own_users"], store["own_items"] = map(ops.convert_to_numpy, (self._users, self._items))
            if hasattr(self, "layer_query"):
                store["layer_query"] = ops.convert_to_numpy(self.layer_query)

    def load_own_variables(self, store: Any) -> None:
        """Load the propagated vectors; or the trained ones, if both this layer and the saved layer have a graph."""
        continues = self.is_connected and "own_users" in set(store.keys())
        prefix = "own_" if continues else ""
        self._users.assign(store[f"{prefix}users"])
        self._items.assign(store[f"{prefix}items"])
        self.item_scale.assign(store["item_scale"])
        if continues and hasattr(self, "layer_query"):
            self.layer_query.assign(store["layer_query"])
        elif self.is_connected and not continues:
            raise ValueError(
                f"{self.name} has a graph, but the file holds vectors that are already propagated. Load them before "
                "connect()."
            )

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        own = ("num_users", "num_items", "output_dim", "num_layers", "combine", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class _Edges:
    """Edges, sorted by the node that they lead to."""

    def __init__(self, to: np.ndarray, come_from: np.ndarray, scale_to: np.ndarray, scale_from: np.ndarray) -> None:
        self.num_rows = len(scale_to)
        self.shape = np.array([len(scale_to), len(scale_from)], "int64")
        self.has_edges = len(to) > 0
        self.weights = ops.convert_to_tensor(scale_to[to] * scale_from[come_from])
        if keras.backend.backend() == "tensorflow":
            self.indices = ops.convert_to_tensor(np.stack([to, come_from], axis=1).astype("int64"))
        else:
            self.to, self.come_from = (ops.convert_to_tensor(np.asarray(ids, "int32")) for ids in (to, come_from))

    def product(self) -> Callable[[Any], Any]:
        """A function: the vectors of all nodes -> the weighted sum over each row's neighbours, (num_rows, D)."""
        if not self.has_edges:
            return lambda vectors: ops.zeros((self.num_rows, vectors.shape[1]), vectors.dtype)
        return self._sparse_product() if keras.backend.backend() == "tensorflow" else self._sums

    def _sparse_product(self) -> Callable[[Any], Any]:
        """A product with a matrix of compressed rows, which stores no vector per edge."""
        raw_ops = sys.modules["tensorflow"].raw_ops
        matrix = raw_ops.SparseTensorToCSRSparseMatrix(
            indices=self.indices, values=self.weights, dense_shape=self.shape
        )

        def times(vectors: Any) -> Any:
            found = raw_ops.SparseMatrixMatMul(a=matrix, b=ops.cast(vectors, "float32"))
            return ops.cast(ops.reshape(found, (self.num_rows, vectors.shape[1])), vectors.dtype)

        return times

    def _sums(self, vectors: Any) -> Any:
        parts = ops.take(vectors, self.come_from, axis=0) * ops.cast(ops.expand_dims(self.weights, 1), vectors.dtype)
        return ops.segment_sum(parts, self.to, num_segments=self.num_rows, sorted=True)


def _differentiable(forth: Callable[[Any], Any], back: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The sum over neighbours, whose gradient is the sum along the same edges in the other direction."""

    @ops.custom_gradient
    def along(vectors: Any) -> tuple[Any, Any]:
        def gradient(*args: Any, upstream: Any = None) -> Any:
            return back(args[0] if upstream is None else upstream)

        return forth(vectors), gradient

    return along
