"""BST: a Transformer over the history with the candidate as its newest event."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import (
    CandidateAttention,
    FeatureEmbedding,
    FeedForward,
    PositionEmbedding,
)
from tfrec.models.feature_inputs import check_features, feature_inputs
from tfrec.models.ranking.field_vectors import output_map
from tfrec.models.ranking.history_vectors import all_features_network, pair_history_with_candidate, paired_features
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import check_heads, check_sizes, check_weights, event_ages


@keras.saving.register_keras_serializable(package="tfrec")
class BST(RankingModel):
    """Behavior Sequence Transformer.

    The candidate is appended to the history as its newest event and attends to all events:

    ```
    k_l, q = events and candidate in one space (see tfrec.models.ranking.history_vectors)
    x = drop([k_1; ..; k_L; q] + P)
    h = norm(x_q + drop(attention(x_q, x)));  z = norm(h + drop(leaky_relu(h W1) W2))
    y = v . MLP([z; q; all other features]) + b
    ```

    P are learned position vectors, counted from the candidate. The Transformer block computes only the output at the
    candidate, because no other output is used. So time grows linearly with L, not with its square.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`; must hold `item` and its `history`, whose
            newest `length` events are read.
        embedding_dim: D, width of the vector of a feature; an event has width W, which is D times its number of
            features.
        num_heads: H, a divisor of W.
        hidden_dims: widths of the MLP over all vectors; with an empty list, the output layer reads the vectors
            directly.
        activation: activation of the MLP: "dice", or an argument of `keras.activations.get`.
        dropout: rate, on the vectors of the sequence, within the blocks, and after each layer of the MLP.
        batch_norm: whether the MLP uses batch normalisation.
        embedding_l2: weight of the squared vectors in the loss.
        task: "click" or "rating".
        output_bias: initial bias of the output: the logit of the mean click rate, or the mean rating.
        rating_range: (lowest, highest) rating, or None.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        inputs by name, see `tfrec.models.feature_inputs`; output (B, 1) float32.

    Raises:
        ValueError: if a feature is invalid, there is no history of items, a size is not a positive integer, or H does
            not divide W.

    Reference:
        Chen et al., "Behavior Sequence Transformer for E-commerce Recommendation in Alibaba", DLP-KDD 2019, arXiv
        1905.06874. In the paper the MLP reads the concatenated outputs at all positions; here it reads the output at
        the candidate, which has attended to the others. There is one block, which the paper reports as best. The
        paper's positions are time differences in an unspecified unit, concatenated to the vectors; here positions are
        counted in events, and added.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 20},
        ...     {"name": "history", "kind": "sequence", "group": "history", "length": 5, "of": "item"},
        ... ]
        >>> model = BST(features, embedding_dim=4, num_heads=1, hidden_dims=[8])
        >>> inputs = {"item": np.array([7, 3]), "history": np.array([[0, 3, 7], [0, 0, 0]])}
        >>> model.score(inputs).shape, model.attention_weights(inputs)["candidate"].shape
        (TensorShape([2]), TensorShape([2, 1, 4]))
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 16,
        num_heads: int = 2,
        hidden_dims: Sequence[int] = (200, 80),
        activation: str = "leaky_relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        embedding_l2: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "bst",
        **kwargs: Any,
    ) -> None:
        features = check_features(features)
        pairs = paired_features(features)
        embedding_dim, num_heads = check_sizes(embedding_dim=embedding_dim, num_heads=num_heads)
        check_heads(num_heads, len(pairs) * embedding_dim, "event_width")
        check_weights(embedding_l2=embedding_l2)
        (length,) = (feature["length"] for feature in features if feature["name"] == "history")

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        regularizer = keras.regularizers.L2(embedding_l2) if embedding_l2 else None
        embedding = FeatureEmbedding(features, embedding_dim, regularizer, seed=seed, dtype=policy, name="embedding")
        positions = PositionEmbedding(length + 1, seed, dtype=policy, name="positions")

        drops = [
            keras.layers.Dropout(dropout, seed=None if seed is None else seed + i, dtype=policy, name=f"drop_{i}")
            for i in range(2)
        ]
        # The second norm brings the output of the block to the initial scale of the other vectors.
        norms = [
            keras.layers.LayerNormalization(
                epsilon=1e-6, gamma_initializer=keras.initializers.Constant(scale), dtype=policy, name=f"norm_{i}"
            )
            for i, scale in enumerate((1.0, 0.1))
        ]
        attention = CandidateAttention(num_heads, dropout, seed, dtype=policy, name="attention")
        feed_forward = FeedForward(None, "leaky_relu", dropout, seed, dtype=policy, name="feed_forward")
        deep = all_features_network(hidden_dims, activation, dropout, batch_norm, seed, policy)
        output = output_map(output_bias, seed)

        # === Functional graph ===
        inputs = feature_inputs(features)
        keys, query, mask, rest = pair_history_with_candidate(features, inputs, embedding(inputs), seed, policy)
        ages = event_ages(mask) + 1  # behind the candidate
        mask = ops.logical_and(mask, ages <= length)
        ages, mask = ops.pad(ages, [(0, 0), (0, 1)]), ops.pad(mask, [(0, 0), (0, 1)], constant_values=True)
        x = drops[0](positions(ops.concatenate([keys, ops.expand_dims(query, 1)], axis=1), ages))
        found, weights = attention(x[:, -1], x, mask, return_attention_scores=True)
        hidden = norms[0](x[:, -1] + drops[1](found))
        hidden = norms[1](hidden + feed_forward(hidden))
        outputs = output(deep(ops.concatenate([hidden, query, *rest], axis=-1)))
        shown = {"candidate": (weights, ("head", "history+candidate"))}
        super().__init__(inputs, outputs, task, rating_range, shown, name=name, **kwargs)

        # === Config ===
        self.features = features
        self.embedding_dim = embedding_dim
        self.num_heads = num_heads
        self.hidden_dims = list(map(int, hidden_dims))
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.embedding_l2 = embedding_l2
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
