"""HSTU: attention without softmax over a user's history."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import HSTUBlock, SequenceEmbedding, TimeIntervals, UnitNorm
from tfrec.models.sequential.sequence_model import SequenceModel, axes_of_blocks
from tfrec.ops import PADDING_ID, RESERVED_IDS, check_heads, check_size, check_sizes, unit_vectors


@keras.saving.register_keras_serializable(package="tfrec")
class HSTU(SequenceModel):
    """Hierarchical Sequential Transduction Units.

    Reads the newest items of a history, padded on the left, and with `use_timestamps` also their times. At each
    position it returns a query vector; the score of an item as the next one is the cosine with its embedding:

    ```
    x = drop(sqrt(D) E[history] + P);  x = block(x) num_blocks times
    q = x / (|x| temperature);  score(i) = q . E[i] / |E[i]|
    ```

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, maximum length of a history; the data pipeline keeps the newest items of longer ones.
        hidden_dim: D, width of all vectors.
        num_blocks: number of blocks.
        num_heads: H.
        attention_dim: width of a query or key in one head; None means D / H.
        linear_dim: width of a value or gate in one head; None means D / H.
        dropout: rate, on the input and in each block.
        temperature: scores are cosines divided by it. None makes them inner products, with q = norm(x) as in SASRec.
        use_timestamps: read timestamps as a second input, and learn an attention bias for the time between two items.
        seed: seed of the initial item vectors and of the negatives of sampling losses.

    Shapes:
        `{"history": (B, L) int}` with L variable up to `max_length`; with `use_timestamps` also
        `"timestamps": (B, L) int`, unix seconds, 0 at padding; output (B, L, D).

    Raises:
        ValueError: if a size is not a positive integer, the temperature is not positive, or a width is None and H does
            not divide D.

    Reference:
        Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers for Generative
        Recommendations", ICML 2024, arXiv 2402.17152, in the form of its section 4.1.1: items alone, no actions.
        Positions are counted from the newest item. The authors train with 128 sampled negatives; here the loss is
        chosen at `compile`. Their time bias uses the time of the next item; ours uses only the times of the history
        (see `tfrec.layers.TimeBias`), so published results with timestamps are not comparable.

    Example:
        >>> import numpy as np
        >>> model = HSTU(num_items=100, max_length=8, hidden_dim=16, num_heads=2)
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
        attention_dim: int | None = None,
        linear_dim: int | None = None,
        dropout: float = 0.2,
        temperature: float | None = 0.05,
        use_timestamps: bool = False,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "hstu",
        **kwargs: Any,
    ) -> None:
        num_items, max_length, hidden_dim, num_blocks, num_heads = check_sizes(
            num_items=num_items,
            max_length=max_length,
            hidden_dim=hidden_dim,
            num_blocks=num_blocks,
            num_heads=num_heads,
        )
        attention_dim = check_size("attention_dim", attention_dim, optional=True)
        linear_dim = check_size("linear_dim", linear_dim, optional=True)
        if attention_dim is None or linear_dim is None:
            check_heads(num_heads, hidden_dim, "hidden_dim")
        if temperature is not None and not temperature > 0:
            raise ValueError(f"temperature must be positive, or None for inner products, got {temperature!r}.")

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        embedding = SequenceEmbedding(
            num_items + RESERVED_IDS, hidden_dim, max_length, dropout, seed, dtype=policy, name="embedding"
        )
        between = TimeIntervals(dtype=policy, name="between") if use_timestamps else None
        blocks = [
            HSTUBlock(
                max_length,
                num_heads,
                attention_dim,
                linear_dim,
                dropout,
                num_intervals=between.num_buckets if use_timestamps else None,
                dtype=policy,
                name=f"block_{index}",
            )
            for index in range(num_blocks)
        ]
        if temperature is None:
            query_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="query_norm")
        else:
            query_norm = UnitNorm(1 / temperature, dtype=policy, name="query_norm")

        # === Functional graph ===
        history = keras.Input(shape=(None,), dtype="int32", name="history")
        inputs, times = {"history": history}, []
        if use_timestamps:
            inputs["timestamps"] = keras.Input(shape=(None,), dtype="int64", name="timestamps")
            times = [between(inputs["timestamps"])]
        padding_mask = ops.not_equal(history, PADDING_ID)
        x = embedding(history)
        for block in blocks:
            x = block(x, padding_mask, *times)
        super().__init__(inputs=inputs, outputs=query_norm(x), seed=seed, name=name, **kwargs)

        # === Config ===
        self.attention_axes = axes_of_blocks(num_blocks)
        self.embedding = embedding
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        self.attention_dim = attention_dim
        self.linear_dim = linear_dim
        self.dropout = dropout
        self.temperature = temperature
        self.use_timestamps = use_timestamps
        self.dtype_policy = policy

    def item_table(self) -> Any:
        """The item embeddings, (num_items + 2, D); with a temperature, they have length 1."""
        table = self.embedding.items.all_rows()
        return table if self.temperature is None else unit_vectors(table)
