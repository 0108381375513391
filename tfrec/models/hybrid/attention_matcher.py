"""AttentionMatcher: a candidate's features ask a user's encoded history what it has to say of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import (
    MLP,
    CrossAttention,
    FeatureEmbedding,
    FeedForward,
    PositionEmbedding,
    SelfAttentionBlock,
    SoftmaxAttention,
)
from tfrec.models.feature_inputs import check_features, feature_inputs, of_groups
from tfrec.models.ranking import RankingModel
from tfrec.ops import PADDING_ID

HEADS = ("linear", "dense", "residual")


@keras.saving.register_keras_serializable(package="tfrec")
class AttentionMatcher(RankingModel):
    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        dim: int = 32,
        user_layers: int = 1,
        item_layers: int = 1,
        num_heads: int = 2,
        causal: bool = False,
        use_positions: bool = False,
        may_abstain: bool = True,
        head: str = "residual",
        hidden_dims: Sequence[int] = (64,),
        dropout: float = 0.1,
        regularization: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        attention_supervision: float = 0.0,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "attention_matcher",
        **kwargs: Any,
    ) -> None:
        features = check_features(features)

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)

        def block(side: str, place: int, causal: bool) -> SelfAttentionBlock:
            return SelfAttentionBlock(
                SoftmaxAttention(num_heads, dropout, causal, dtype=policy, name="attention"),
                FeedForward(activation="relu", dropout=dropout, dtype=policy, name="feed_forward"),
                residual="pre-norm",
                dropout=dropout,
                dtype=policy,
                name=f"{side}_{place}",
            )

        l2 = keras.regularizers.L2(regularization) if regularization else None
        embedding = FeatureEmbedding(features, dim, l2, seed=seed, dtype=policy, name="embedding")
        static = of_groups(features, "user", "item", "context")
        biases = FeatureEmbedding(static, 1, l2, scale=0.01, seed=seed, dtype=policy, name="biases")
        drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")
        cross = CrossAttention(num_heads, dropout, may_abstain, seed, dtype=policy, name="cross")
        deep = MLP(hidden_dims, "relu", dropout, seed=seed, dtype=policy, name="deep")

        # === Functional graph ===
        inputs = feature_inputs(features)
        vectors = embedding(inputs)
        mask = ops.not_equal(inputs["history"], PADDING_ID)
        of_events = [vectors[feature["name"]] for feature in of_groups(features, "history")]
        own = vectors["history_label"]
        events = sum(of_events) + vectors["history"] * own
        if use_positions:
            length = max(feature["length"] for feature in of_groups(features, "history"))
            events = PositionEmbedding(length, dtype=policy, name="positions")(events)
        for place in range(user_layers):
            events = block("user", place, causal)(events, mask)
        item = ops.stack([vectors[feature["name"]] for feature in of_groups(features, "item")], axis=1)
        tokens = drop(item)
        all_real = ops.ones_like(tokens[:, :, 0], dtype="bool")
        for place in range(item_layers):
            tokens = block("item", place, False)(tokens, all_real)
        norm = keras.layers.LayerNormalization(dtype=policy, name="ask_norm")
        answers, weights = cross(norm(tokens), events, mask)
        user = [vectors[feature["name"]] for feature in of_groups(features, "user", "context")]
        pooled = ops.mean(tokens, axis=1)
        answer = ops.mean(answers, axis=1)
        about = drop(ops.concatenate(user, axis=-1)) if user else None
        parts = [pooled, answer, pooled * answer]
        if user:
            parts += [about] + [u * vectors["item"] for u in user[:1]]
        x = ops.concatenate(parts, axis=-1)
        if head == "linear":
            matched = x
        elif head == "dense":
            matched = deep(x)
        else:
            matched = ops.concatenate([x, deep(x)], axis=-1)
        final = keras.layers.Dense(
            1, bias_initializer=keras.initializers.Constant(output_bias), dtype=policy, name="score"
        )
        first = biases({f["name"]: inputs[f["name"]] for f in static})
        out = ops.cast(final(matched), "float32") + ops.cast(sum(first.values()), "float32")
        super().__init__(
            inputs,
            out,
            task,
            rating_range,
            {"cross": (weights, ("head", "feature", "history"))},
            {"feature": [f["name"] for f in of_groups(features, "item")]},
            name=name,
            **kwargs,
        )
