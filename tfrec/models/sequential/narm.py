"""NARM: a GRU over a session, and additive attention of its newest state over the earlier ones."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import AdditivePooling, ItemEmbedding
from tfrec.models.sequential.sequence_model import SequenceModel
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_sizes


@keras.saving.register_keras_serializable(package="tfrec")
class NARM(SequenceModel):
    """Neural Attentive Recommendation Machine.

    A GRU reads the session. Its state after an item encodes the whole session so far. The sum of all states up to
    there, weighted by additive attention with the newest state as the query, encodes the main purpose of the user:

    ```
    x = drop(sqrt(D) E[history]);  h = GRU(x)
    local[l] = sum_{j <= l} v . sigmoid(A1 h[l] + A2 h[j]) h[j]
    q = B drop([h, local]);  score(i) = q . E[i]                                 so score(i) = E[i]' B [h, local]
    ```

    Only the GRU reads the order; there are no positions. So a query does not depend on padding, where all states are
    zero, and the model accepts inputs of any length. The data pipeline cuts histories to `max_length`.

    The GRU runs L sequential steps, as a plain loop on all devices: cuDNN does not support padding on the left, and an
    export with cuDNN would run only on GPUs. The attention costs B x L x L x D sigmoids.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, maximum length of a history; the data pipeline keeps the newest items of longer ones.
        hidden_dim: D, width of item vectors, states and attention.
        dropout: rate, on the item vectors and before B.
        seed: seed of the initial item vectors and of the negatives of sampling losses.

    Shapes:
        `{"history": (B, L) int}`; output (B, L, D).

    Raises:
        ValueError: if a size is not a positive integer.

    Reference:
        Li et al., "Neural Attentive Session-based Recommendation", CIKM 2017, arXiv 1711.04725. In the paper item
        vectors have width 50 and states 100, the two dropout rates are 0.25 and 0.5, and item vectors are not scaled.

    Example:
        >>> import numpy as np
        >>> model = NARM(num_items=100, max_length=8, hidden_dim=16)
        >>> ids, scores = model.recommend({"history": np.array([[0, 0, 7, 9]])}, k=5)
        >>> ids.shape
        TensorShape([1, 5])
    """

    def __init__(
        self,
        num_items: int,
        max_length: int = 50,
        hidden_dim: int = 64,
        dropout: float = 0.2,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "narm",
        **kwargs: Any,
    ) -> None:
        num_items, max_length, hidden_dim = check_sizes(
            num_items=num_items, max_length=max_length, hidden_dim=hidden_dim
        )

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        embedding = ItemEmbedding(num_items + RESERVED_IDS, hidden_dim, dropout, seed, dtype=policy, name="embedding")
        encoder = keras.layers.GRU(hidden_dim, return_sequences=True, use_cudnn=False, dtype=policy, name="encoder")
        pooling = AdditivePooling(use_bias=False, dtype=policy, name="pooling")
        drop = keras.layers.Dropout(dropout, dtype=policy, name="drop")
        decoder = keras.layers.Dense(hidden_dim, use_bias=False, dtype=policy, name="decoder")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        padding_mask = ops.not_equal(history, PADDING_ID)
        states = encoder(embedding(history), mask=padding_mask)
        # Already zero at padding, but the output of a recurrent layer still carries its Keras mask.
        states = states * ops.cast(ops.expand_dims(padding_mask, -1), states.dtype)
        local = pooling(states, states, padding_mask)
        outputs = decoder(drop(ops.concatenate([states, local], axis=-1)))
        super().__init__(inputs={"history": history}, outputs=outputs, seed=seed, name=name, **kwargs)

        # === Config ===
        self.attention_axes = {"pooling": ["history", "history"]}
        self.embedding = embedding
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.dtype_policy = policy
