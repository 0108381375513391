"""TiSASRec: causal self-attention over a user's history and its timestamps."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import FeedForward, ItemEmbedding, SelfAttentionBlock, TimeIntervalAttention, TimeIntervals
from tfrec.models.sequential.sequence_model import SequenceModel, axes_of_blocks
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_heads, check_sizes


@keras.saving.register_keras_serializable(package="tfrec")
class TiSASRec(SequenceModel):
    """Time Interval Aware Self-Attention for Sequential Recommendation.

    SASRec with attention that depends on the time between two items. Positions and intervals are added to the keys and
    values of every block, not to the item vectors:

    ```
    x = drop(sqrt(D) E[history]);  x = block(x, positions, intervals) num_blocks times;  q = norm(x)
    block:  n = norm(x);  h = norm(n + attention(n, x));  y = h + feed_forward(h)         score(i) = q . E[i]
    ```

    The model needs the timestamps of the history, which `tfrec.data.sequences(..., inputs=model.input_names)`, the
    recipes, the evaluation and the export provide. Only their differences matter. It cannot be trained on a table
    without times.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, maximum length of a history; the data pipeline keeps the newest items of longer ones.
        hidden_dim: D, width of all vectors.
        num_blocks: number of attention blocks.
        num_heads: H, a divisor of D.
        dropout: rate, everywhere.
        num_buckets: R, number of interval buckets, at least 3.
        max_interval: longest interval, in seconds; longer ones are clipped to it. See `tfrec.layers.TimeIntervals`.
        seed: seed of the initial item vectors and of the negatives of sampling losses.

    Shapes:
        `{"history": (B, L) int, "timestamps": (B, L) int}`, L variable up to `max_length`, Unix seconds, any value at
        padding; output (B, L, D).

    Raises:
        ValueError: if a size is not a positive integer, H does not divide D, or `num_buckets` and `max_interval` do not
            fit together.

    Reference:
        Li, Wang and McAuley, WSDM 2020, doi 10.1145/3336191.3371786. In the paper intervals are multiples of the user's
        shortest interval, up to 256 or 2,048 of them, so a later item can change the inputs of earlier positions. Here
        they fall into fixed buckets of growing length; see `TimeIntervals` and `TimeIntervalAttention`. The block is
        that of our SASRec. The paper trains with one negative per position; here the loss is chosen at `compile`.

    Example:
        >>> import numpy as np
        >>> model = TiSASRec(num_items=100, max_length=8, hidden_dim=16)
        >>> inputs = {"history": np.array([[0, 7, 9]]), "timestamps": np.array([[0, 978300019, 978301968]])}
        >>> ids, scores = model.recommend(inputs, k=5)
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
        num_buckets: int = 64,
        max_interval: int = 10 * 365 * 86_400,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "tisasrec",
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
        embedding = ItemEmbedding(num_items + RESERVED_IDS, hidden_dim, dropout, seed, dtype=policy, name="embedding")
        intervals = TimeIntervals(num_buckets, max_interval, dtype=policy, name="intervals")
        blocks = [
            SelfAttentionBlock(
                TimeIntervalAttention(max_length, num_heads, dropout, num_buckets, dtype=policy, name="attention"),
                FeedForward(dropout=dropout, dtype=policy, name="feed_forward"),
                dtype=policy,
                name=f"block_{index}",
            )
            for index in range(num_blocks)
        ]
        query_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="query_norm")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        timestamps = keras.Input(shape=(None,), dtype="int64", name="timestamps")
        padding_mask = ops.not_equal(history, PADDING_ID)
        between = intervals(timestamps)
        x = embedding(history)
        for block in blocks:
            x = block(x, padding_mask, between)
        inputs = {"history": history, "timestamps": timestamps}
        super().__init__(inputs=inputs, outputs=query_norm(x), seed=seed, name=name, **kwargs)

        # === Config ===
        self.attention_axes = axes_of_blocks(num_blocks)
        self.embedding = embedding
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        self.dropout = dropout
        self.num_buckets = num_buckets
        self.max_interval = max_interval
        self.dtype_policy = policy
