"""SASRec: causal self-attention over a user's history."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import SequenceEmbedding
from tfrec.models.sequential.encoder_blocks import make_block
from tfrec.models.sequential.sequence_model import SequenceModel, axes_of_blocks
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_heads, check_sizes


@keras.saving.register_keras_serializable(package="tfrec")
class SASRec(SequenceModel):
    """Self-Attentive Sequential Recommendation.

    Reads the newest items of a history, padded on the left, and returns a query vector at each position. The inner
    product with an item's embedding is the score of that item as the next one:

    ```
    x = drop(sqrt(D) E[history] + P);  x = block(x) num_blocks times;  q = norm(x);  score(i) = q . E[i]
    ```

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, maximum length of a history; the data pipeline keeps the newest items of longer ones.
        hidden_dim: D, width of all vectors.
        num_blocks: number of attention blocks.
        num_heads: H, a divisor of D.
        dropout: rate, everywhere.
        block: "sasrec", the block of the paper; or "ligr", the block of eSASRec: pre-norm, with gated residuals and a
            SwiGLU feed-forward network.
        attention: attention layer of the blocks: {"class": name of an attention layer of `tfrec.layers`, further
            arguments of its constructor}. None means `SoftmaxAttention`. The layers for long histories cost less than
            L^2.
        seed: seed of the initial item vectors and of the negatives of sampling losses.

    Shapes:
        `{"history": (B, L) int}` with L variable up to `max_length`; output (B, L, D).

    Raises:
        ValueError: if a size is not a positive integer or H does not divide D.

    Reference:
        Kang and McAuley, ICDM 2018, arXiv 1808.09781. The paper trains with one negative per position; here the loss is
        chosen at `compile`. `tfrec.losses.FullSoftmax` gives today's best results; `tfrec.losses.BinaryCrossEntropy`
        with a calibration gives gSASRec (arXiv 2308.07192). "ligr": eSASRec, arXiv 2508.06450.

    Example:
        >>> import numpy as np
        >>> model = SASRec(num_items=100, max_length=8, hidden_dim=16)
        >>> ids, scores = model.recommend({"history": np.array([[0, 0, 7, 9]])}, k=5)
        >>> ids.shape
        TensorShape([1, 5])
    """

    def __init__(
        self,
        num_items: int,
        max_length: int = 200,
        hidden_dim: int = 64,
        num_blocks: int = 2,
        num_heads: int = 1,
        dropout: float = 0.2,
        block: str = "sasrec",
        attention: dict[str, Any] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "sasrec",
        **kwargs: Any,
    ) -> None:
        num_items, max_length, hidden_dim, num_blocks, num_heads = check_sizes(
            num_items=num_items,
            max_length=max_length,
            hidden_dim=hidden_dim,
            num_blocks=num_blocks,
            num_heads=num_heads,
        )
        check_heads(num_heads, hidden_dim, "hidden_dim")

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        embedding = SequenceEmbedding(
            num_items + RESERVED_IDS, hidden_dim, max_length, dropout, seed, dtype=policy, name="embedding"
        )
        blocks = [
            make_block(block, attention, num_heads, hidden_dim, dropout, dtype=policy, name=f"block_{index}")
            for index in range(num_blocks)
        ]
        query_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="query_norm")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        padding_mask = ops.not_equal(history, PADDING_ID)
        x = embedding(history)
        for layer in blocks:
            x = layer(x, padding_mask)
        super().__init__(inputs={"history": history}, outputs=query_norm(x), seed=seed, name=name, **kwargs)

        # === Config ===
        self.attention_axes = axes_of_blocks(num_blocks)
        self.embedding = embedding
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        self.dropout = dropout
        self.block = block
        self.attention = dict(attention) if attention else None
        self.dtype_policy = policy
