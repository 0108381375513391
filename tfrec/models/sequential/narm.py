"""NARM: a recurrent reading of a session, and additive attention of its newest state over the earlier ones."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import AdditivePooling, ItemEmbedding
from tfrec.models.sequential.sequence_model import SequenceModel
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_sizes


@keras.saving.register_keras_serializable(package="tfrec")
class NARM(SequenceModel):
    """Neural Attentive Recommendation Machine.

    A GRU reads the session. Its state after an item is what the session is about as a whole; the sum of all states so
    far, weighted by an additive attention of the newest one, is its main purpose:

    ```
    x = drop(sqrt(D) E[history]);  h = GRU(x)
    local[l] = sum_{j <= l} v . sigmoid(A1 h[l] + A2 h[j]) h[j]
    q = B drop([h, local]);  score(i) = q . E[i]                                 so score(i) = E[i]' B [h, local]
    ```

    The order is read by the GRU alone: there are no positions, so a query does not depend on how long the input is, nor
    on padding, where all states are zero, and `max_length` is what the data path cuts histories to.

    The GRU goes through its L steps one after another. It runs as a plain loop on all devices: cuDNN's would refuse
    padding on the left, and an export with it would run on GPUs alone. The attention costs B x L x L x D sigmoids.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, the most items that are read.
        hidden_dim: D, width of item vectors, states and attention.
        dropout: rate, on the item vectors and before B.
        seed: of the initial item vectors and of the negatives that sampling losses draw.

    Shapes:
        `{"history": (B, L) int}`; output (B, L, D).

    Raises:
        ValueError: if a size is not a positive integer.

    Reference:
        Li et al., "Neural Attentive Session-based Recommendation", CIKM 2017, arXiv 1711.04725. There item vectors have
        width 50 and states 100, the rates of the two dropouts are 0.25 and 0.5, and item vectors are not scaled.

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
        # Already zero at padding; but a tensor that comes out of a recurrent layer carries its mask along.
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
