"""NeuMF: a generalised inner product combined with an MLP."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from tfrec.layers import FoldIn, ItemVectors
from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.ops import RESERVED_IDS, check_sizes


@keras.saving.register_keras_serializable(package="tfrec")
class NeuMF(PairScoringModel):
    """Neural matrix factorisation.

    Users and items have two vectors each. The first two are multiplied component by component (GMF), the other two are
    the input of an MLP, and one linear map reads both results:

    ```
    g = p[u] * q[i]
    h = relu(W1 [m[u]; n[i]] + b1);  h = relu(W h + b) for each further layer
    score(u, i) = w . [g; h] + c
    ```

    With `gmf_dim=0` the model is only the MLP, with `mlp_dim=0` only GMF. The paper trains these two first and
    initialises NeuMF with them: `NeuMF.from_pretrained(gmf, mlp)`. Train with `BinaryCrossEntropy(4)`: four negatives
    per pair, as in the paper.

    The score is not an inner product: the network scores every item, and an export can only have the exact index. A
    user who is not in the training data is folded in as in `MatrixFactorization`: an affine map computes the user's
    vectors from the mean vector of the user's items.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        num_users: number of users. Ids are 2 .. num_users + 1; 1 is an unknown user.
        gmf_dim: width of the vectors of GMF; 0 leaves GMF out.
        mlp_dim: width of the vectors of the MLP; 0 leaves the MLP out.
        hidden_dims: widths of the MLP's layers; ignored without an MLP.
        dropout: rate, after each layer of the MLP.
        seed: seed of the initial weights and of the negatives.

    Shapes:
        `{"user": (B,) int}`; output (B, gmf_dim + mlp_dim), the user's two vectors; scores (B, C) of (B, C) items.

    Raises:
        ValueError: if a size is invalid, or both parts are left out.

    Reference:
        He et al., "Neural Collaborative Filtering", WWW 2017, arXiv 1708.05031. Negatives are drawn from all items but
        the target, not from those that the user does not have.

    Example:
        >>> import numpy as np
        >>> model = NeuMF(num_items=100, num_users=20, gmf_dim=4, mlp_dim=8, hidden_dims=(8, 4))
        >>> ids, scores = model.recommend({"user": np.array([5]), "history": np.array([[7, 9]])}, k=5)
        >>> ids.shape
        TensorShape([1, 5])
    """

    objective = "user-item"

    def __init__(
        self,
        num_items: int,
        num_users: int,
        gmf_dim: int = 16,
        mlp_dim: int = 32,
        hidden_dims: Sequence[int] = (32, 16),
        dropout: float = 0.0,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "neumf",
        **kwargs: Any,
    ) -> None:
        num_items, num_users = check_sizes(num_items=num_items, num_users=num_users)
        for what, size in {"gmf_dim": gmf_dim, "mlp_dim": mlp_dim}.items():
            if isinstance(size, bool) or not isinstance(size, int) or size < 0:
                raise ValueError(f"{what} must be a whole number of at least 0, got {size!r}.")
        if not gmf_dim and not mlp_dim:
            raise ValueError("gmf_dim and mlp_dim are both 0: NeuMF needs at least one of its parts.")
        hidden_dims = list(hidden_dims) if mlp_dim else []
        if mlp_dim:
            if not hidden_dims:
                raise ValueError("hidden_dims must have at least one layer where mlp_dim is above 0.")
            check_sizes(**{f"hidden_dims[{at}]": size for at, size in enumerate(hidden_dims)})
        super().__init__(seed=seed, dtype=dtype, name=name, **kwargs)
        self.num_items, self.num_users = num_items, num_users
        self.gmf_dim, self.mlp_dim, self.hidden_dims = gmf_dim, mlp_dim, hidden_dims
        self.dropout = dropout

        # === Layers ===
        policy, width = self.dtype_policy, gmf_dim + mlp_dim
        seeds = (None,) * 3 if seed is None else (seed, seed + 1, seed + 2)
        normal, glorot = keras.initializers.RandomNormal, keras.initializers.GlorotUniform
        self.users = keras.layers.Embedding(
            num_users + RESERVED_IDS, width, normal(0, 0.05, seeds[0]), dtype=policy, name="users"
        )
        self.items = ItemVectors(
            num_items + RESERVED_IDS,
            width,
            embeddings_initializer=normal(0, 0.05, seeds[1]),
            dtype=policy,
            name="items",
        )
        self.users.build((None,))
        self.items.build((None,))
        # The first layer is the sum of a map of the user and one of the item, so that no pair is stored twice.
        self.hidden = []
        for at, size in enumerate(hidden_dims):
            for name_of, bias in (("user", True), ("item", False)) if at == 0 else ((str(at), True),):
                kernel = glorot(None if seed is None else seed + 4 + len(self.hidden))
                layer = keras.layers.Dense(
                    size, use_bias=bias, kernel_initializer=kernel, dtype=policy, name=f"hidden_{name_of}"
                )
                layer.build((None, mlp_dim if at == 0 else hidden_dims[at - 1]))
                self.hidden.append(layer)
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")
        self.out = keras.layers.Dense(1, kernel_initializer=glorot(seeds[2]), dtype=policy, name="out")
        self.out.build((None, gmf_dim + (hidden_dims[-1] if mlp_dim else 0)))
        self.folding = FoldIn(width, dtype="float32", name="folding")
        self.folding.build((None, None, width))
        self.built = True

    @classmethod
    def from_pretrained(cls, gmf: Self, mlp: Self, alpha: float = 0.5, **kwargs: Any) -> Self:
        """A NeuMF that is initialised with a trained GMF and a trained MLP.

        Vectors and layers are copied. The last map is the combination of both, weighted by alpha and 1 - alpha. The
        paper then trains with SGD, because the moments of Adam are not known.

        Args:
            gmf: a `NeuMF` with `mlp_dim=0`.
            mlp: a `NeuMF` with `gmf_dim=0`, for the same users and items.
            alpha: weight of GMF, between 0 and 1.
            **kwargs: further arguments of the constructor: dropout, seed, name.

        Raises:
            ValueError: if the models are not such a GMF and MLP, or differ in users or items.
        """
        if gmf.mlp_dim or mlp.gmf_dim:
            raise ValueError(
                f"from_pretrained takes a NeuMF with mlp_dim=0 and one with gmf_dim=0, got mlp_dim={gmf.mlp_dim} and "
                f"gmf_dim={mlp.gmf_dim}."
            )
        sizes = [(one.num_items, one.num_users) for one in (gmf, mlp)]
        if sizes[0] != sizes[1] or (gmf.bound_vocabulary or {}) != (mlp.bound_vocabulary or {}):
            raise ValueError(
                f"Both models must be trained for the same items and users, got {sizes[0]} and {sizes[1]}."
            )
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must lie between 0 and 1, got {alpha!r}.")
        given = {"dropout": mlp.dropout, "dtype": mlp.dtype_policy, **kwargs}
        model = cls(*sizes[0], gmf.gmf_dim, mlp.mlp_dim, mlp.hidden_dims, **given)
        for table in ("users", "items"):
            both = [ops.convert_to_numpy(getattr(one, table).embeddings) for one in (gmf, mlp)]
            getattr(model, table).set_weights([np.concatenate(both, axis=1)])
        for own, trained in zip(model.hidden, mlp.hidden, strict=True):
            own.set_weights(trained.get_weights())
        (left, low), (right, high) = gmf.out.get_weights(), mlp.out.get_weights()
        kernel = np.concatenate([alpha * left, (1 - alpha) * right])
        model.out.set_weights([kernel, alpha * low + (1 - alpha) * high])
        model._bind(gmf.bound_vocabulary)
        return model

    @property
    def input_names(self) -> tuple[str, ...]:
        """The only input is the user's id."""
        return ("user",)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.users(inputs["user"])

    def score_pairs(self, state: Any, item_ids: Any, training: bool | None = None) -> Any:
        users, items = ops.expand_dims(ops.cast(state, self.compute_dtype), 1), self.items(item_ids)
        parts = [users[..., : self.gmf_dim] * items[..., : self.gmf_dim]] if self.gmf_dim else []
        if self.mlp_dim:
            users, items = users[..., self.gmf_dim :], items[..., self.gmf_dim :]
            of_user, of_item, *further = self.hidden
            x = self.drop(ops.relu(of_user(users) + of_item(items)), training=training)
            for layer in further:
                x = self.drop(ops.relu(layer(x)), training=training)
            parts.append(x)
        return ops.squeeze(self.out(ops.concatenate(parts, axis=-1)), -1)

    def item_table(self) -> Any:
        """Both vectors of all items, concatenated, (num_items + 2, gmf_dim + mlp_dim)."""
        return self.items.all_rows()

    def fold_in(self, history: Any) -> Any:
        """The user's vectors from (B, L) items; see `tfrec.layers.FoldIn`."""
        return self.folding(ops.cast(ops.take(self.item_table(), history, axis=0), "float32"), history)

    def finish_training(self, pairs: np.ndarray) -> None:
        """Fit the map that folds in users who are not in the training data."""
        users = ops.convert_to_numpy(self.users(np.arange(self.num_users + RESERVED_IDS))).astype("float32")
        self.folding.solve(pairs, users, ops.convert_to_numpy(self.item_table()).astype("float32"))
