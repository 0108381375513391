"""DELF: attention over the items of the user and over the users of the item."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.layers import MLP, Audiences, ImportancePooling, ItemVectors, PairInteraction
from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.ops import RESERVED_IDS, UNKNOWN_ID, check_sizes, is_item

_USERS_AT_ONCE = 100_000
_PAIRS = ("ids", "user_audience", "history_item", "history_audience")


@keras.saving.register_keras_serializable(package="tfrec")
class DELF(PairScoringModel):
    """Dual embeddings: a user has a vector of its id and one of its items, an item one of its id and one of its users.

    ```
    m[u] = sum over the items j of u, without i, of a_j y[j]             a = softmax over j of h . tanh(W y[j] + b)
    n[i] = sum over the users v of i, without u, of c_v x[v]             c likewise, with weights of its own
    z = [mlp1(p[u], q[i]); mlp2(p[u], n[i]); mlp3(m[u], q[i]); mlp4(m[u], n[i])]
    score(u, i) = w . mlp(z) + w0
    ```

    p and q are the vectors of the ids; y and x are the vectors of items and users as members of a set. The attention
    weights the members by their general importance, because an item that everyone takes says little about a user
    (`tfrec.layers.ImportancePooling`). The users of an item, its audience, come from the training data:
    `tfrec.training.train` calls `begin_training(pairs)`. At most `audience_size` users per item are kept, as a sample
    that depends only on `seed`. They are saved with the weights. Without audiences, n is 0.

    The target is left out of the user's items, and the user out of the audience. Otherwise the inputs would contain the
    answer.

    Users who are not in the training data share one vector p, that of id 1; their items come from the history. This
    vector is trained, because a share `unseen_rate` of the training rows hides the user. Such a user without known
    items gets the most popular items.

    Train with `tfrec.data.pairs(inputs=("user", "history"))` and `BinaryCrossEntropy(4)`. The score is not an inner
    product, so an export can only have the exact index.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        num_users: number of users. Ids are 2 .. num_users + 1; 1 is an unknown user.
        max_length: L, the number of newest items of a history that the model reads.
        audience_size: A, the maximum number of users per item that the model reads.
        hidden_dim: D, width of all vectors.
        attention_dim: width of the hidden layer of each attention.
        hidden_dims: widths of the MLP of each of the four pairs.
        fusion_dims: widths of the MLP over the four; an empty list leaves one linear map.
        dropout: rate, in all MLPs.
        unseen_rate: share of the training rows whose user is hidden.
        seed: seed of the initial weights, the audiences, the hidden users and the negatives.

    Shapes:
        `{"user": (B,) int, "history": (B, L) int}`; output a dict of what `score_pairs` needs; scores (B, C) of (B, C)
        items. Scoring the catalogue takes B x V x (L + A) x D multiplications.

    Raises:
        ValueError: if an argument is invalid.

    Reference:
        Cheng, Shen, Zhu and Huang, "DELF: A Dual-Embedding based Deep Latent Factor Model for Recommendation", IJCAI
        2018. This is the variant with an MLP as fusion; the paper's empirical fusion is not implemented. Sets are
        truncated here, but not in the paper. Hidden users are not in the paper, which scores known users only.
        Negatives are drawn from all items but the target.

    Example:
        >>> import numpy as np
        >>> model = DELF(num_items=100, num_users=20, max_length=5, audience_size=4, hidden_dim=8)
        >>> model.begin_training(np.array([[2, 7], [3, 7], [3, 9]]))  # known pairs of a user and an item
        >>> inputs = {"user": np.array([3]), "history": np.array([[0, 7, 9]])}
        >>> ids, scores = model.recommend(inputs, k=5)
        >>> weights = model.attention_weights(inputs, np.array([7]))
        >>> np.asarray(weights["history"])[0].tolist()  # item 7 does not count in the history
        [0.0, 0.0, 1.0]
        >>> float(np.asarray(weights["audience"]).max())  # user 3 is left out of the audience
        1.0
    """

    objective = "user-item"
    pairs_at_once = 2**15  # each of them weighs L items and A users

    def __init__(
        self,
        num_items: int,
        num_users: int,
        max_length: int = 50,
        audience_size: int = 50,
        hidden_dim: int = 32,
        attention_dim: int = 16,
        hidden_dims: Sequence[int] = (32, 16),
        fusion_dims: Sequence[int] = (32,),
        dropout: float = 0.0,
        unseen_rate: float = 0.1,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "delf",
        **kwargs: Any,
    ) -> None:
        sizes = check_sizes(
            num_items=num_items,
            num_users=num_users,
            max_length=max_length,
            audience_size=audience_size,
            hidden_dim=hidden_dim,
            attention_dim=attention_dim,
        )
        if isinstance(unseen_rate, bool) or not isinstance(unseen_rate, int | float) or not 0 <= unseen_rate < 1:
            raise ValueError(f"unseen_rate must be a number from 0 to below 1, got {unseen_rate!r}.")
        super().__init__(seed=seed, dtype=dtype, name=name, **kwargs)
        self.num_items, self.num_users, self.max_length, self.audience_size = sizes[:4]
        self.hidden_dim, self.attention_dim = sizes[4:]
        self.hidden_dims, self.fusion_dims = list(hidden_dims), list(fusion_dims)
        self.dropout = dropout
        self.unseen_rate = unseen_rate

        # === Layers ===
        policy, items, users = self.dtype_policy, self.num_items + RESERVED_IDS, self.num_users + RESERVED_IDS
        seeds = iter([None] * 12 if seed is None else [seed + 104729 * at for at in range(12)])

        def table(kind: type, rows: int, name: str) -> Any:
            start = keras.initializers.RandomNormal(0, 0.1, next(seeds))
            layer = kind(rows, self.hidden_dim, embeddings_initializer=start, dtype=policy, name=name)
            layer.build((None,))
            return layer

        self.items = table(ItemVectors, items, "items")
        self.users = table(keras.layers.Embedding, users, "users")
        self.history_items = table(keras.layers.Embedding, items, "history_items")
        self.audience_users = table(keras.layers.Embedding, users, "audience_users")
        self.audiences = Audiences(items, users, self.audience_size, seed, dtype=policy, name="audiences")
        self.audiences.build()
        vectors = (None, None, self.hidden_dim)
        self.poolings = {}
        for name_of in ("history", "audience"):
            pooling = ImportancePooling(self.attention_dim, next(seeds), dtype=policy, name=f"{name_of}_attention")
            pooling.build((None, *vectors), (None, None, None))
            self.poolings[name_of] = pooling
        self.interactions = []
        for name_of in _PAIRS:
            layer = PairInteraction(self.hidden_dims, dropout, next(seeds), dtype=policy, name=name_of)
            layer.build(vectors, vectors)
            self.interactions.append(layer)
        self.fusion = MLP(self.fusion_dims, dropout=dropout, seed=next(seeds), dtype=policy, name="fusion")
        self.fusion.build((None, None, len(_PAIRS) * self.hidden_dims[-1]))
        self.out = keras.layers.Dense(
            1, kernel_initializer=keras.initializers.GlorotUniform(next(seeds)), dtype=policy, name="out"
        )
        self.out.build((None, None, [len(_PAIRS) * self.hidden_dims[-1], *self.fusion_dims][-1]))
        self._unseen_seed = keras.random.SeedGenerator(seed)
        self.attention_axes = {"history": ["history"], "audience": ["audience"]}
        self.built = True

    @property
    def input_names(self) -> tuple[str, ...]:
        """The user's id and items."""
        return ("user", "history")

    def begin_training(self, pairs: np.ndarray) -> None:
        """Set the audiences of all items from (N, 2) ids of users and items; earlier audiences are replaced."""
        self.audiences.fill(pairs)

    def users_on_axes(self, item_ids: Any) -> dict[str, Any]:
        """The users on the axis "audience" of the attention weights: (B, A) ids."""
        return {"audience": self.audiences(item_ids)}

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        user = read_as = ops.cast(inputs["user"], "int32")
        if training and self.unseen_rate:
            hidden = keras.random.uniform(ops.shape(user), seed=self._unseen_seed) < self.unseen_rate
            read_as = ops.where(hidden, UNKNOWN_ID, user)
        history = ops.cast(inputs["history"], "int32")[:, -self.max_length :]
        return {
            "user": user,
            "user_vector": self.users(read_as),
            "history": history,
            "history_vectors": self.history_items(history),
        }

    def score_pairs(self, state: Any, item_ids: Any, training: bool | None = None) -> Any:
        item_ids = ops.cast(item_ids, "int32")
        history, audience = ops.expand_dims(state["history"], 1), self.audiences(item_ids)
        others = ops.logical_and(is_item(history), ops.not_equal(history, ops.expand_dims(item_ids, -1)))
        by_items = self.poolings["history"](ops.expand_dims(state["history_vectors"], 1), others)
        asking = ops.reshape(state["user"], (-1, 1, 1))
        others = ops.logical_and(is_item(audience), ops.not_equal(audience, asking))
        by_users = self.poolings["audience"](
            self.audience_users(audience), others, self._importance(audience) if training else None
        )
        user, item = ops.expand_dims(state["user_vector"], 1), self.items(item_ids)
        pairs = [(user, item), (user, by_users), (by_items, item), (by_items, by_users)]
        found = [layer(*pair, training=training) for layer, pair in zip(self.interactions, pairs, strict=True)]
        fused = self.fusion(ops.concatenate(found, axis=-1), training=training)
        return ops.squeeze(self.out(fused), -1)

    def _importance(self, audience: Any) -> Any:
        """The importance of each user, (B, C, A): of all users once, where that is less work than of all audiences."""
        if self.num_users > _USERS_AT_ONCE:
            return None
        every = self.poolings["audience"].importance(self.audience_users(ops.arange(self.num_users + RESERVED_IDS)))
        return ops.take(every, audience, axis=0)

    def item_table(self) -> Any:
        """The vectors q of all items, (num_items + 2, D)."""
        return self.items.all_rows()
