"""ComiRec-SA: several interests of a user, each a weighted mean of what they did."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import FeedForward, ItemEmbedding, MultiInterestPooling
from tfrec.models.sequential.sequence_model import SequenceModel
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_size, check_sizes


@keras.saving.register_keras_serializable(package="tfrec")
class ComiRec(SequenceModel):
    """Multi-interest retrieval by self-attentive pooling.

    Reads the newest items of a history, padded on the left, and gives at each position K vectors. An item scores as
    high as the nearest of them says, so that a user of two tastes need not be described by their mean:

    ```
    h = drop(sqrt(D) E[history]);  h = h + feed_forward(h);  q[k] = norm(pool(h)[k]);  score(i) = max_k q[k] . E[i]
    ```

    In training each target is answered for by the one q[k] that is nearest to it.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, the most items that are read.
        hidden_dim: D, width of all vectors.
        num_interests: K.
        attention_dim: width inside the attention that pools; None takes 4 D.
        dropout: rate, on the item vectors and inside the position-wise map.
        seed: of the initial item vectors and of the negatives that sampling losses draw.

    Shapes:
        `{"history": (B, L) int}` with L free up to `max_length`; output (B, L, K, D).

    Raises:
        ValueError: if a size is not a positive integer.

    Reference:
        Cen et al., "Controllable Multi-Interest Framework for Recommendation", KDD 2020, arXiv 2005.09347, the variant
        SA. There h is E[history] alone and q is not normalised, a history is pooled once with positions inside its
        attention (see `tfrec.layers.MultiInterestPooling`), and lists can be made more diverse by category afterwards.

    Example:
        >>> import numpy as np
        >>> model = ComiRec(num_items=100, max_length=8, hidden_dim=16, num_interests=3)
        >>> model.embed({"history": np.array([[0, 0, 7, 9]])}).shape
        TensorShape([1, 3, 16])
    """

    def __init__(
        self,
        num_items: int,
        max_length: int = 50,
        hidden_dim: int = 64,
        num_interests: int = 4,
        attention_dim: int | None = None,
        dropout: float = 0.2,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "comirec",
        **kwargs: Any,
    ) -> None:
        num_items, max_length, hidden_dim, num_interests = check_sizes(
            num_items=num_items, max_length=max_length, hidden_dim=hidden_dim, num_interests=num_interests
        )
        attention_dim = check_size("attention_dim", attention_dim, optional=True)

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        embedding = ItemEmbedding(num_items + RESERVED_IDS, hidden_dim, dropout, seed, dtype=policy, name="embedding")
        feed_forward = FeedForward(dropout=dropout, dtype=policy, name="feed_forward")
        pooling = MultiInterestPooling(num_interests, max_length, attention_dim, dtype=policy, name="pooling")
        query_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="query_norm")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        padding_mask = ops.not_equal(history, PADDING_ID)
        x = embedding(history)
        x = x + feed_forward(x)
        outputs = query_norm(pooling(x, padding_mask))
        super().__init__(inputs={"history": history}, outputs=outputs, seed=seed, name=name, **kwargs)

        # === Config ===
        self.attention_axes = {"pooling": ["history", "interest", "history"]}
        self.embedding = embedding
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.num_interests = num_interests
        self.attention_dim = attention_dim
        self.dropout = dropout
        self.dtype_policy = policy
