"""BERT4Rec: bidirectional attention over a history with masked items."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfrec.layers import AppendMask, FeedForward, SelfAttentionBlock, SequenceEmbedding, SoftmaxAttention
from tfrec.models.sequential.masked_item_model import MaskedItemModel
from tfrec.models.sequential.sequence_model import axes_of_blocks
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_heads, check_sizes


@keras.saving.register_keras_serializable(package="tfrec")
class BERT4Rec(MaskedItemModel):
    """Sequential recommendation with Bidirectional Encoder Representations from Transformers.

    Every position attends to the whole row. So the model cannot be trained to predict the next item at each position,
    because it would see it. It is trained to predict items hidden by a mask; a recommendation is the prediction at a
    mask appended after the newest item:

    ```
    x = norm(drop(sqrt(D) E[row] + P));  x = block(x) num_blocks times
    q = norm(gelu(norm(x) W + b));  score(i) = q . E[i]
    ```

    The row is the history with a mask appended. A history that already holds masks, as `tfrec.data.masked_items` makes
    them for training, is used unchanged. `objective` is "masked-item". `fit` rejects targets at all positions, as from
    `tfrec.data.sequences`, because the model would see them. One target per row (a holdout) is predicted at the
    appended mask, so validation works as for any other model.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item, and num_items + 2
            the mask, which has a vector but is never recommended.
        max_length: L, maximum length of a history. There are L + 1 positions, including the mask.
        hidden_dim: D, width of all vectors.
        num_blocks: number of attention blocks.
        num_heads: H, a divisor of D.
        dropout: rate, everywhere.
        seed: seed of the initial item vectors and of the negatives of sampling losses.

    Shapes:
        `{"history": (B, W) int}`, W variable up to L, or L + 1 with masks; output (B, W, D), whose last position is the
        query at the newest mask.

    Raises:
        ValueError: if a size is not a positive integer or H does not divide D.

    Reference:
        Sun et al., CIKM 2019, arXiv 1904.06690. Unlike the paper, blocks normalise their input and not their output
        (pre-norm): on the cyclic sequences of our tests, post-norm blocks learn at a rate of 0.003 but not at 0.01;
        pre-norm blocks learn at both. There is no bias per item, because scores are inner products, and the
        feed-forward network has one more dropout.

    Example:
        >>> import numpy as np
        >>> model = BERT4Rec(num_items=100, max_length=8, hidden_dim=16)
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
        num_heads: int = 2,
        dropout: float = 0.2,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "bert4rec",
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
        num_ids = num_items + RESERVED_IDS
        append_mask = AppendMask(num_ids, max_length, dtype=policy, name="append_mask")
        # One more vector for the mask, and two more positions: one for the mask, and one for the column which
        # `AppendMask` adds in front of a row that has masks.
        embedding = SequenceEmbedding(
            num_ids + 1, hidden_dim, max_length + 2, dropout, seed, dtype=policy, name="embedding"
        )
        embedding_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="embedding_norm")
        blocks = [
            SelfAttentionBlock(
                SoftmaxAttention(num_heads, dropout, causal=False, dtype=policy, name="attention"),
                FeedForward(4 * hidden_dim, "gelu", dropout, dtype=policy, name="feed_forward"),
                "pre-norm",
                dropout,
                dtype=policy,
                name=f"block_{index}",
            )
            for index in range(num_blocks)
        ]
        output_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="output_norm")
        head = keras.layers.Dense(hidden_dim, activation="gelu", dtype=policy, name="head")
        query_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="query_norm")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        rows = append_mask(history)
        padding_mask = ops.not_equal(rows, PADDING_ID)
        x = embedding_norm(embedding(rows))
        for block in blocks:
            x = block(x, padding_mask)
        queries = query_norm(head(output_norm(x)))[:, 1:]
        super().__init__(inputs={"history": history}, outputs=queries, seed=seed, name=name, **kwargs)

        # === Config ===
        self.attention_axes = axes_of_blocks(num_blocks, "history+mask")
        self.embedding = embedding
        self.mask_id = num_ids
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        self.dropout = dropout
        self.dtype_policy = policy

    def _real_positions(self, inputs: Mapping[str, Any], axis: str) -> Any:
        return ops.not_equal(self.get_layer("append_mask")(inputs["history"]), PADDING_ID)

    def item_table(self) -> Any:
        """The item embeddings without the mask, (num_items + 2, D)."""
        return self.embedding.items.all_rows()[: self.mask_id]
