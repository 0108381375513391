"""ComiRec: several interests per user, each a weighted mean of the history."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import EMPooling, FeedForward, ItemEmbedding, MultiInterestPooling
from tfrec.models.sequential.sequence_model import SequenceModel
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_size, check_sizes

POOLINGS = ("attention", "em")


@keras.saving.register_keras_serializable(package="tfrec")
class ComiRec(SequenceModel):
    """Multi-interest retrieval by self-attentive pooling or expectation maximisation.

    Reads the newest items of a history, padded on the left, and returns K vectors at each position. The score of an
    item is the highest of its K inner products, so a user with two interests is not described by their mean:

    ```
    h = drop(sqrt(D) E[history]);  h = h + feed_forward(h);  q[k] = norm(pool(h)[k]);  score(i) = max_k q[k] . E[i]
    ```

    With `pooling="attention"`, each interest attends to the events, see `tfrec.layers.MultiInterestPooling`. With
    `pooling="em"`, the events are clustered and each interest is the mean of a cluster, see `tfrec.layers.EMPooling`.

    In training, only the q[k] with the highest score for the target is trained on it.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, maximum length of a history; the data pipeline keeps the newest items of longer ones.
        hidden_dim: D, width of all vectors.
        num_interests: K.
        attention_dim: hidden width of the pooling attention; None means 4 D.
        pooling: "attention" or "em".
        em_rounds: number of E and M steps of the pooling "em".
        em_temperature: tau of its E step, above 0.
        dropout: rate, on the item vectors and inside the feed-forward network.
        seed: seed of the initial item vectors and of the negatives of sampling losses.

    Shapes:
        `{"history": (B, L) int}` with L variable up to `max_length`; output (B, L, K, D).

    Raises:
        ValueError: if a size is not a positive integer, `pooling` is unknown, or `em_temperature` is not above 0.

    Reference:
        Cen et al., "Controllable Multi-Interest Framework for Recommendation", KDD 2020, arXiv 2005.09347, variant SA.
        The pooling "em" follows Li et al., MIND, CIKM 2019, arXiv 1904.08030, and EMANet, ICCV 2019, arXiv 1907.13426.
        In the paper h is E[history], q is not normalised, the whole history is pooled once, positions enter only the
        attention (see `tfrec.layers.MultiInterestPooling`), and lists can be diversified by category afterwards.

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
        pooling: str = "attention",
        em_rounds: int = 3,
        em_temperature: float = 1.0,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "comirec",
        **kwargs: Any,
    ) -> None:
        num_items, max_length, hidden_dim, num_interests = check_sizes(
            num_items=num_items, max_length=max_length, hidden_dim=hidden_dim, num_interests=num_interests
        )
        attention_dim = check_size("attention_dim", attention_dim, optional=True)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}.")

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        embedding = ItemEmbedding(num_items + RESERVED_IDS, hidden_dim, dropout, seed, dtype=policy, name="embedding")
        feed_forward = FeedForward(dropout=dropout, dtype=policy, name="feed_forward")
        if pooling == "em":
            arguments = (num_interests, em_rounds, em_temperature, max_length, seed)
            pool = EMPooling(*arguments, dtype=policy, name="pooling")
        else:
            pool = MultiInterestPooling(num_interests, max_length, attention_dim, dtype=policy, name="pooling")
        query_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="query_norm")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        padding_mask = ops.not_equal(history, PADDING_ID)
        x = embedding(history)
        x = x + feed_forward(x)
        outputs = query_norm(pool(x, padding_mask))
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
        self.pooling = pooling
        self.em_rounds = em_rounds
        self.em_temperature = em_temperature
        self.dtype_policy = policy
