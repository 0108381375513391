"""STAMP: attention over a session, guided and gated by its last item."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import AdditivePooling, ItemEmbedding
from tfrec.models.sequential.sequence_model import SequenceModel
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_sizes, prefix_mean


@keras.saving.register_keras_serializable(package="tfrec")
class STAMP(SequenceModel):
    """Short-Term Attention/Memory Priority model.

    The model has no recurrence and no self-attention. The last item and the mean of the session give each item of the
    session a weight; the weighted sum is then multiplied, component by component, with a gate from the last item:

    ```
    x = drop(sqrt(D) E[history]);  mean[l] = mean of x[j], j <= l
    memory[l] = sum_{j <= l} w0 . sigmoid(W1 x[j] + W2 x[l] + W3 mean[l] + b) x[j]
    q = tanh(Ws memory + bs) * tanh(Wt x + bt);  score(i) = q . E[i]
    ```

    The score is trilinear: `sum_d hs[d] ht[d] E[i, d]`. The order has no effect apart from which item is the last.
    There are no positions, so a query does not depend on padding, and the model accepts inputs of any length. The data
    pipeline cuts histories to `max_length`. The attention costs B x L x L x D sigmoids.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, maximum length of a history; the data pipeline keeps the newest items of longer ones.
        hidden_dim: D, width of all vectors.
        dropout: rate, on the item vectors.
        seed: seed of the initial item vectors and of the negatives of sampling losses.

    Shapes:
        `{"history": (B, L) int}`; output (B, L, D).

    Raises:
        ValueError: if a size is not a positive integer.

    Reference:
        Liu et al., "STAMP: Short-Term Attention/Memory Priority Model for Session-based Recommendation", KDD 2018. The
        paper puts a sigmoid on the trilinear product before the softmax. Here the product itself is the logit: logits
        between 0 and 1 cannot give any item a probability above e / (V - 1 + e). The scale of the item vectors and the
        dropout are not in the paper either.

    Example:
        >>> import numpy as np
        >>> model = STAMP(num_items=100, max_length=8, hidden_dim=16)
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
        name: str = "stamp",
        **kwargs: Any,
    ) -> None:
        num_items, max_length, hidden_dim = check_sizes(
            num_items=num_items, max_length=max_length, hidden_dim=hidden_dim
        )

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        embedding = ItemEmbedding(num_items + RESERVED_IDS, hidden_dim, dropout, seed, dtype=policy, name="embedding")
        pooling = AdditivePooling(dtype=policy, name="pooling")
        of_session = keras.layers.Dense(hidden_dim, activation="tanh", dtype=policy, name="of_session")
        of_last = keras.layers.Dense(hidden_dim, activation="tanh", dtype=policy, name="of_last")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        padding_mask = ops.not_equal(history, PADDING_ID)
        x = embedding(history)
        # W2 and W3 are the two halves of the query projection.
        memory = pooling(ops.concatenate([x, prefix_mean(x, padding_mask)], axis=-1), x, padding_mask)
        outputs = of_session(memory) * of_last(x)
        super().__init__(inputs={"history": history}, outputs=outputs, seed=seed, name=name, **kwargs)

        # === Config ===
        self.attention_axes = {"pooling": ["history", "history"]}
        self.embedding = embedding
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.dtype_policy = policy
