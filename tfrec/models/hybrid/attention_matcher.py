"""AttentionMatcher: cross-attention from a candidate's features to the encoded history of a user."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import (
    MLP,
    CrossAttention,
    EncoderBlock,
    FeatureEmbedding,
    PositionEmbedding,
)
from tfrec.models.feature_inputs import check_features, feature_inputs, of_groups
from tfrec.models.ranking.history_vectors import event_vectors, paired_features
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import PADDING_ID, check_heads, check_size, check_sizes, check_weights, event_ages

HEADS = ("linear", "dense", "residual")


@keras.saving.register_keras_serializable(package="tfrec")
class AttentionMatcher(RankingModel):
    """A user encoder, an item encoder, and cross-attention between them.

    ```
    user encoder:     u = blocks of self-attention over the events of the history (and their positions)
    item encoder:     t = blocks of self-attention over the vectors of the item's features
    cross-attention:  a = attend(t -> u): item features are the queries, the user's events the keys and values
    match:            x = [mean t, mean a, mean t * mean a, vectors of user and context, user * item]
    head:             linear    y = w . x
                      dense     y = w . mlp(x)
                      residual  y = w . [x, mlp(x)]
    output            = y + sum of the biases, one learned number for each value of each feature
    ```

    The vector of an event combines its item, the other sequences of item features, and the feedback on it, such as the
    rating in `history_label` (see `tfrec.models.ranking.history_vectors`). With `may_abstain`, an item feature can
    attend to nothing if no event of the history fits. As a collaborative filter, the biases and user * item are a
    matrix factorisation, the cross-attention is a neighbourhood model with learned weights, and the self-attention lets
    the neighbours see each other.

    For ratings, `history` may hold all other ratings of the user. For clicks, it must end before the row.

    `attention_supervision` λ adds λ KL(given || learned) for each row with `given_cross`, `given_user_0` and so on; see
    `RankingModel`.

    Args:
        features: as described in `tfrec.models.feature_inputs`; must hold `item` and a sequence `history` of it.
        embedding_dim: D, width of all vectors.
        user_layers: number of self-attention blocks over the history; 0 uses the events unchanged.
        item_layers: number of self-attention blocks over the item's features.
        num_heads: heads of all attentions, a divisor of D.
        causal: whether an event of the history attends only to earlier ones.
        use_positions: whether events get position vectors, counted from the newest; only the newest `length`
            events are read.
        may_abstain: whether the cross-attention can attend to nothing; see `tfrec.layers.CrossAttention`.
        head: "linear", "dense" or "residual", as above.
        hidden_dims: widths of the hidden layers of the mlp.
        dropout: rate, in both encoders, on the vectors of the match, and in the mlp.
        embedding_l2: weight of the squared vectors and biases in the loss.
        task: "click" or "rating".
        output_bias: initial bias of the output: the logit of the mean click rate, or the mean rating.
        rating_range: (lowest, highest) of a rating.
        attention_supervision: λ.
        seed: seed of the initial embeddings, the cross-attention, the head and their dropout.

    Shapes:
        one input per feature; output (B, 1).

    Raises:
        ValueError: if `item` or its `history` is missing, `head` is unknown, or a size or weight is invalid.

    Reference:
        Encoders and cross-attention: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762.
        Neighbourhood model with biases and factors: Koren, "Factorization Meets the Neighborhood", KDD 2008. Supervised
        attention: Liu et al., "Neural Machine Translation with Supervised Attention", COLING 2016, arXiv 1609.04186.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 9},
        ...     {"name": "year", "kind": "numeric", "group": "item"},
        ...     {"name": "history", "kind": "sequence", "group": "history", "length": 3, "of": "item"},
        ... ]
        >>> model = AttentionMatcher(features, embedding_dim=4, task="rating", output_bias=3.5)
        >>> row = {"item": np.array([5]), "year": np.array([0.5], "float32"), "history": np.array([[0, 2, 3]])}
        >>> model.attention_axes["cross"], model.attention_weights(row)["cross"].shape
        (['head', 'feature', 'history'], TensorShape([1, 2, 2, 3]))
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 32,
        user_layers: int = 1,
        item_layers: int = 1,
        num_heads: int = 2,
        causal: bool = False,
        use_positions: bool = False,
        may_abstain: bool = True,
        head: str = "residual",
        hidden_dims: Sequence[int] = (64,),
        dropout: float = 0.1,
        embedding_l2: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        attention_supervision: float = 0.0,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "attentionmatcher",
        **kwargs: Any,
    ) -> None:
        features = check_features(features)
        things = [sequence for sequence, _ in paired_features(features)]
        marks = [one["name"] for one in of_groups(features, "history") if not one.get("of")]
        static = of_groups(features, "user", "item", "context")
        of_item = [one["name"] for one in static if one["group"] == "item"]
        others = [one["name"] for one in static if one["group"] != "item"]
        embedding_dim, num_heads = check_sizes(embedding_dim=embedding_dim, num_heads=num_heads)
        check_heads(num_heads, embedding_dim, "embedding_dim")
        user_layers, item_layers = check_size("user_layers", user_layers, 0), check_size("item_layers", item_layers, 0)
        check_weights(embedding_l2=embedding_l2)
        if head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}, got {head!r}.")

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        l2 = keras.regularizers.L2(embedding_l2) if embedding_l2 else None
        embedding = FeatureEmbedding(features, embedding_dim, l2, seed=seed, dtype=policy, name="embedding")
        biases = FeatureEmbedding(static, 1, l2, scale=0.01, seed=seed, dtype=policy, name="biases")
        drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")
        cross = CrossAttention(num_heads, dropout, may_abstain, seed=seed, dtype=policy, name="cross")
        ask_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="ask_norm")
        deep = MLP(hidden_dims, dropout=dropout, seed=seed, dtype=policy, name="deep")
        score = keras.layers.Dense(
            1,
            # A tenth of Glorot's variance, so that the output starts near its bias for every head.
            kernel_initializer=keras.initializers.VarianceScaling(0.1, "fan_avg", "uniform", seed),
            bias_initializer=keras.initializers.Constant(output_bias),
            dtype=policy,
            name="score",
        )

        def encoded(side: str, x: Any, mask: Any, layers: int, causal: bool) -> Any:
            axis = {"user": "history", "item": "feature"}[side]
            for place in range(layers):
                own = None if seed is None else seed + 97 * (place + 1)
                block = EncoderBlock(num_heads, dropout, causal, own, dtype=policy, name=f"{side}_{place}")
                x, weights = block(x, mask, return_attention_scores=True)
                attention[f"{side}_{place}"] = (weights, ("head", axis, axis))
            return x

        # === Functional graph ===
        attention: dict[str, tuple[Any, tuple[str, ...]]] = {}
        inputs = feature_inputs(features)
        vectors = embedding(inputs)
        mask = ops.not_equal(inputs["history"], PADDING_ID)
        events = event_vectors([vectors[one] for one in things], [vectors[one] for one in marks])
        if use_positions:
            length = next(one["length"] for one in features if one["name"] == "history")
            ages = event_ages(mask)
            mask = ops.logical_and(mask, ages < length)
            events = PositionEmbedding(length, dtype=policy, name="positions")(events, ages)
        events = encoded("user", events, mask, user_layers, causal)
        tokens = drop(ops.stack([vectors[one] for one in of_item], axis=1))
        tokens = encoded("item", tokens, ops.ones_like(tokens[:, :, 0], dtype="bool"), item_layers, False)
        answers, weights = cross(ask_norm(tokens), events, mask, return_attention_scores=True)
        attention["cross"] = (weights, ("head", "feature", "history"))
        asked, answer = ops.mean(tokens, axis=1), ops.mean(answers, axis=1)
        match = [asked, answer, asked * answer, *[drop(vectors[one]) for one in others]]
        if "user" in vectors:
            match.append(vectors["user"] * vectors["item"])
        x = ops.concatenate(match, axis=-1)
        if head == "dense":
            x = deep(x)
        elif head == "residual":
            x = ops.concatenate([x, deep(x)], axis=-1)
        of_each = biases({one["name"]: inputs[one["name"]] for one in static})
        bias = sum(ops.cast(one, "float32") for one in of_each.values())
        super().__init__(
            inputs,
            ops.cast(score(x), "float32") + bias,
            task,
            rating_range,
            attention,
            {"feature": of_item},
            attention_supervision,
            name=name,
            **kwargs,
        )

        # === Config ===
        self.features = features
        self.embedding_dim = embedding_dim
        self.user_layers = user_layers
        self.item_layers = item_layers
        self.num_heads = num_heads
        self.causal = causal
        self.use_positions = use_positions
        self.may_abstain = may_abstain
        self.head = head
        self.hidden_dims = list(map(int, hidden_dims))
        self.dropout = dropout
        self.embedding_l2 = embedding_l2
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
