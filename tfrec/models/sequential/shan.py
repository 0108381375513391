"""SHAN: attention over the newest items and a long-term vector, which is itself an attention over older items."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import ItemEmbedding, LongShortPooling
from tfrec.models.sequential.sequence_model import SequenceModel
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_sizes, prefix_mean


@keras.saving.register_keras_serializable(package="tfrec")
class SHAN(SequenceModel):
    """Sequential Hierarchical Attention Network.

    One attention pools the older items; a second one pools its result and the newest items:

    ```
    x = drop(sqrt(D) E[history]);  u[l] = Wu [x[l], mean of x[j], j <= l] + bu
    long[l] = sum_{j <= l - S} softmax_j(u[l] . relu(W1 x[j] + b1)) x[j]
    q[l] = softmax-weighted mean, by u[l] . relu(W2 . + b2), of long[l] and of x[j], l - S < j <= l
    score(i) = q . E[i]
    ```

    A query is a weighted mean of item vectors, so SHAN recommends items that are similar to the history. The order has
    no further effect: the model knows only which item is the newest and which S are in the short-term set. There are no
    positions, so a query does not depend on padding, and the model accepts inputs of any length. The data pipeline cuts
    histories to `max_length`.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: maximum length of a history.
        hidden_dim: D, width of all vectors.
        short_term: S, size of the short-term set, the newest items; all earlier items are the long-term set.
        dropout: rate, on the item vectors.
        seed: seed of the initial item vectors and of the negatives of sampling losses.

    Shapes:
        `{"history": (B, L) int}`; output (B, L, D).

    Raises:
        ValueError: if a size is not a positive integer.

    Reference:
        Ying et al., "Sequential Recommender System based on Hierarchical Attention Network", IJCAI 2018. In the paper u
        is a learned embedding of the user. Here u is computed from the history, so that an export can serve users that
        are not in the training data: from its mean, for the lasting interest, and its last item, for the current one.
        In the paper the short-term set is the newest session, the loss is BPR, and item vectors are neither scaled nor
        dropped.

    Example:
        >>> import numpy as np
        >>> model = SHAN(num_items=100, max_length=8, hidden_dim=16, short_term=3)
        >>> ids, scores = model.recommend({"history": np.array([[0, 0, 7, 9]])}, k=5)
        >>> ids.shape
        TensorShape([1, 5])
    """

    def __init__(
        self,
        num_items: int,
        max_length: int = 50,
        hidden_dim: int = 64,
        short_term: int = 5,
        dropout: float = 0.2,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "shan",
        **kwargs: Any,
    ) -> None:
        num_items, max_length, hidden_dim, short_term = check_sizes(
            num_items=num_items, max_length=max_length, hidden_dim=hidden_dim, short_term=short_term
        )

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        embedding = ItemEmbedding(num_items + RESERVED_IDS, hidden_dim, dropout, seed, dtype=policy, name="embedding")
        taste = keras.layers.Dense(hidden_dim, dtype=policy, name="taste")
        pooling = LongShortPooling(short_term, dtype=policy, name="pooling")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        padding_mask = ops.not_equal(history, PADDING_ID)
        x = embedding(history)
        users = taste(ops.concatenate([x, prefix_mean(x, padding_mask)], axis=-1))
        outputs = pooling(users, x, padding_mask)
        super().__init__(inputs={"history": history}, outputs=outputs, seed=seed, name=name, **kwargs)

        # === Config ===
        self.attention_axes = {"long_term": ["history", "history"], "short_term": ["history", "history+long term"]}
        self.embedding = embedding
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.short_term = short_term
        self.dropout = dropout
        self.dtype_policy = policy
