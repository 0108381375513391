"""LightGCN: user and item vectors, propagated over the graph of interactions."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.errors import InputError
from tfrec.layers import GraphVectors
from tfrec.models.retrieval_model import RetrievalModel
from tfrec.ops import RESERVED_IDS, check_pairs, check_sizes, is_item, unit_vectors

_STEP = threading.local()  # the tables of the training step of this thread, so that a step propagates once


@keras.saving.register_keras_serializable(package="tfrec")
class LightGCN(RetrievalModel):
    """Graph convolution without weight matrices: vectors of users and items are propagated along their interactions.

    The score of an item for a user is the inner product of their vectors after K steps of propagation along the
    interactions of the training part; `tfrec.layers.GraphVectors` has the formula. `tfrec.training.train` sets the
    graph. In your own training loop, call `begin_training(pairs)` before `compile`, and `finish_training(pairs)` after
    `fit`, which replaces the vectors with the propagated ones. Saved files also hold the propagated vectors, so presets
    and exports contain ordinary tables.

    The vector of a user who is not in the training data is computed from the history, by one step of the same
    propagation: sum over the items i of e_i / sqrt(degree of i).

    Differences from the paper: a learned attention can combine the layers instead of their mean. With a `temperature`,
    scores are cosines divided by it, which works well with softmax losses (2201.02327). The paper adds L2
    regularisation of the vectors of a batch; use `weight_decay` of `keras.optimizers.AdamW` instead.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        num_users: number of users. Ids are 2 .. num_users + 1; 1 is an unknown user.
        hidden_dim: D, size of the vectors.
        num_layers: K, steps of propagation.
        combine: "mean" of the K + 1 layers, or "attention" over them.
        temperature: a positive number: scores are cosines divided by it. None means inner products.
        seed: seed of the initial vectors and of the negatives of sampled losses.

    Shapes:
        `{"user": (B,) int}`; output (B, D). `embed`, `score` and `recommend` also take `"history": (B, L)`.

    Raises:
        ValueError: if an argument is invalid.

    Reference:
        He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020,
        arXiv 2002.02126. Wu et al., "On the Effectiveness of Sampled Softmax Loss for Item Recommendation",
        TOIS 2024, arXiv 2201.02327.

    Example:
        >>> import numpy as np
        >>> from tfrec import losses, models
        >>> pairs = np.array([[2, 2], [2, 3], [3, 3], [4, 4]])  # user id, item id; ids 0 and 1 are reserved
        >>> model = models.LightGCN(num_items=3, num_users=3, hidden_dim=8, seed=0)
        >>> model.begin_training(pairs)
        >>> model.compile("adam", losses.FullSoftmax())
        >>> history = model.fit({"user": pairs[:, 0]}, pairs[:, 1], epochs=2, verbose=0)
        >>> model.finish_training(pairs)
        >>> ids, scores = model.recommend({"user": np.array([3])}, k=2)
        >>> ids.shape
        TensorShape([1, 2])
    """

    objective = "user-item"

    def __init__(
        self,
        num_items: int,
        num_users: int,
        hidden_dim: int = 64,
        num_layers: int = 3,
        combine: str = "mean",
        temperature: float | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "lightgcn",
        **kwargs: Any,
    ) -> None:
        sizes = check_sizes(num_items=num_items, num_users=num_users, hidden_dim=hidden_dim, num_layers=num_layers)
        super().__init__(seed=seed, dtype=dtype, name=name, **kwargs)
        self.num_items, self.num_users, self.hidden_dim, self.num_layers = sizes
        self.combine = combine
        if temperature is not None and not 0 < temperature < float("inf"):
            raise ValueError(f"temperature must be None or a positive number, got {temperature!r}.")
        self.temperature = temperature
        self.vectors = GraphVectors(
            self.num_users + RESERVED_IDS,
            self.num_items + RESERVED_IDS,
            self.hidden_dim,
            self.num_layers,
            combine,
            seed,
            dtype=self.dtype_policy,
            name="vectors",
        )
        self.vectors.build()
        self.built = True

    @property
    def input_names(self) -> tuple[str, ...]:
        """The only input is the user's id."""
        return ("user",)

    def begin_training(self, pairs: np.ndarray) -> None:
        """Set the graph: (N, 2) ids of users and items that interact in the training part. Call it before `compile`."""
        pairs = check_pairs(pairs)
        self.vectors.connect(pairs[:, 0], pairs[:, 1])

    def finish_training(self, pairs: np.ndarray) -> None:
        """Replace the vectors with the propagated ones. To continue, call `begin_training` and `compile` again."""
        self.vectors.fold()
        # The functions traced before still propagate over the graph.
        self.train_function = self.test_function = self.predict_function = None

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        users, items = self.vectors.propagate()
        if training:
            _STEP.tables = {id(self): items}
        return self._query(ops.take(users, inputs["user"], axis=0))

    def item_table(self) -> Any:
        """The propagated vectors of all items, (num_items + 2, D), of length 1 if scores are cosines."""
        items = getattr(_STEP, "in_use", {}).get(id(self))
        items = self.vectors.propagate()[1] if items is None else items
        return items if self.temperature is None else unit_vectors(items)

    def fold_in(self, history: Any) -> Any:
        """The query vectors of users who are not in the training data: (B, L) item ids -> (B, D)."""
        counts = ops.cast(is_item(history), self.compute_dtype)
        weights = counts * ops.cast(ops.take(self.vectors.item_scale, history, axis=0), counts.dtype)
        rows = ops.cast(ops.take(self.vectors.propagate()[1], history, axis=0), counts.dtype)
        length = ops.maximum(ops.sum(counts, axis=1, keepdims=True), 1)
        return self._query(ops.sum(rows * ops.expand_dims(weights, -1), axis=1) / ops.sqrt(length))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of `compile`, with the item vectors of the same propagation as the queries."""
        if not training:  # a call with training=True may have come before, with other weights
            _STEP.__dict__.pop("tables", None)
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        if not self.vectors.is_connected:
            raise InputError(
                "LightGCN has no graph to train on: call begin_training(tfrec.data.known_pairs(train, spec)) before "
                "compile(). finish_training() forgets the graph."
            )
        with _tables_of_this_step():
            return super().compute_loss(x, y, y_pred, sample_weight, training)

    def _query(self, users: Any) -> Any:
        return users if self.temperature is None else unit_vectors(users) / self.temperature


@contextlib.contextmanager
def _tables_of_this_step() -> Iterator[None]:
    _STEP.in_use = _STEP.__dict__.pop("tables", {})
    try:
        yield
    finally:
        _STEP.in_use = {}
