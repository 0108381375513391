"""Matrix factorisation of implicit feedback: a vector for each user and each item."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.layers import FoldIn, ItemVectors
from tfrec.models.retrieval_model import RetrievalModel
from tfrec.ops import RESERVED_IDS, check_sizes


@keras.saving.register_keras_serializable(package="tfrec")
class MatrixFactorization(RetrievalModel):
    """Matrix factorisation with item biases, for a softmax or a pairwise loss.

    Choose the loss in `compile`: `FullSoftmax` and `SampledSoftmax` give the best results, `BPR` is the classic loss,
    and `BinaryCrossEntropy` is that of word2vec. The model does not read the order of a user's items.

    ```
    score(u, i) = drop(p[u]) . q[i] + b[i]
    penalty = l2 (|p[u]|^2 + |q[i]|^2 + b[i]^2), the mean over the pairs of a batch
    ```

    The bias is the last component of the item's vector, and the last component of every query is 1, so all indexes of
    an export can be used. For explicit ratings, use `tfrec.models.BiasedMF`.

    A user who is not in the training data is folded in: an affine map computes the user's vector from the mean vector
    of the user's items. `finish_training`, which `tfrec train` calls, fits this map to the training users in one
    least-squares step; before that, it is the identity (see `tfrec.layers.FoldIn`). Such a user without a known item
    gets the most popular items.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        num_users: number of users. Ids are 2 .. num_users + 1; 1 is an unknown user.
        hidden_dim: D, width of the factors.
        dropout: rate, on the vectors of users.
        l2: weight of the penalty on the vectors of the pairs of a batch.
        seed: seed of the initial vectors and of the negatives of sampled losses.

    Shapes:
        `{"user": (B,) int}`; output (B, D + 1). `embed`, `score` and `recommend` also take `"history": (B, L)`.

    Raises:
        ValueError: if a size is not a positive integer, or `l2` is negative.

    Reference:
        Koren, Bell and Volinsky, "Matrix Factorization Techniques for Recommender Systems", IEEE Computer 2009.
        Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009, arXiv 1205.2618.
        Rendle et al., "Neural Collaborative Filtering vs. Matrix Factorization Revisited", RecSys 2020, arXiv
        2005.09683, shows how good a tuned inner product is.

    Example:
        >>> import numpy as np
        >>> model = MatrixFactorization(num_items=100, num_users=20, hidden_dim=16)
        >>> ids, scores = model.recommend({"user": np.array([5, 1]), "history": np.array([[0, 7], [8, 9]])}, k=5)
        >>> ids.shape  # user 5 is known, and user 1 folded in from items 8 and 9
        TensorShape([2, 5])
    """

    objective = "user-item"

    def __init__(
        self,
        num_items: int,
        num_users: int,
        hidden_dim: int = 64,
        dropout: float = 0.0,
        l2: float = 0.0,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "matrixfactorization",
        **kwargs: Any,
    ) -> None:
        sizes = check_sizes(num_items=num_items, num_users=num_users, hidden_dim=hidden_dim)
        if l2 < 0:
            raise ValueError(f"l2 must be a number of at least 0, got {l2!r}.")
        super().__init__(seed=seed, dtype=dtype, name=name, **kwargs)
        self.num_items, self.num_users, self.hidden_dim = sizes
        self.dropout = dropout
        self.l2 = l2

        # === Layers ===
        policy = self.dtype_policy
        normal = keras.initializers.RandomNormal
        of_users, of_items = (normal(0, 0.05, None if seed is None else seed + step) for step in (0, 1))
        rows = self.num_users + RESERVED_IDS
        self.users = keras.layers.Embedding(rows, self.hidden_dim, of_users, dtype=policy, name="users")
        self.items = ItemVectors(
            self.num_items + RESERVED_IDS,
            self.hidden_dim + 1,
            embeddings_initializer=of_items,
            dtype=policy,
            name="items",
        )
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")
        self.folding = FoldIn(self.hidden_dim, dtype="float32", name="folding")
        self.users.build((None,))
        self.items.build((None,))
        self.folding.build((None, None, self.hidden_dim + 1))
        self.built = True

    @property
    def input_names(self) -> tuple[str, ...]:
        """The only input is the user's id."""
        return ("user",)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return _with_one(self.drop(self.users(inputs["user"]), training=training))

    def item_table(self) -> Any:
        """Item vectors with the bias as the last component, (num_items + 2, D + 1)."""
        return self.items.all_rows()

    def fold_in(self, history: Any) -> Any:
        """Query vectors from (B, L) items; see `tfrec.layers.FoldIn`."""
        vectors = ops.cast(ops.take(self.item_table(), history, axis=0), "float32")
        return _with_one(self.folding(vectors, history))

    def finish_training(self, pairs: np.ndarray) -> None:
        """Fit the map that folds in users who are not in the training data."""
        users = ops.convert_to_numpy(self.users(np.arange(self.num_users + RESERVED_IDS))).astype("float32")
        self.folding.solve(pairs, users, ops.convert_to_numpy(self.item_table()).astype("float32"))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of `compile`, and in training the penalty on the vectors of the batch."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not self.l2 or not training:
            return loss
        rows = ops.take(self.items.embeddings, ops.reshape(ops.cast(y, "int32"), (-1,)), axis=0)
        squares = ops.sum(ops.square(self.users(x["user"])), axis=-1), ops.sum(ops.square(rows), axis=-1)
        return loss + self.l2 * ops.mean(ops.cast(squares[0], "float32") + ops.cast(squares[1], "float32"))


def _with_one(vectors: Any) -> Any:
    """(B, D) -> (B, D + 1), with 1 as the last component, which is multiplied with the item's bias."""
    return ops.pad(vectors, [[0, 0], [0, 1]], constant_values=1.0)
