"""AttentionMatcher: attention between the features of a candidate and the encoded history of a user."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
from keras import ops

from tfrec.layers import (
    CoAttention,
    CrossAttention,
    EncoderBlock,
    FeatureEmbedding,
    PositionEmbedding,
    SegmentEmbedding,
)
from tfrec.models.feature_inputs import check_features, feature_inputs, features_in_groups
from tfrec.models.hybrid.matcher_heads import check_head, head_output
from tfrec.models.ranking.history_vectors import event_vectors, paired_features
from tfrec.models.ranking_model import RankingModel, check_task
from tfrec.ops import PADDING_ID, check_heads, check_size, check_sizes, check_weights, event_ages

DIRECTIONS = ("item-to-user", "user-to-item", "both")
ENCODERS = ("separate", "joint")
_RESIDUAL_UNITS = "residual_units"  # in the config


@keras.saving.register_keras_serializable(package="tfrec")
class AttentionMatcher(RankingModel):
    """A user encoder, an item encoder, and attention between them.

    ```
    user encoder:  e_l = blocks of self-attention over the events of the history (and their positions)
    item encoder:  x_j = blocks of self-attention over the vectors of the item's features
    t = mean_j x_j;  u = mean_l e_l + mean of the vectors of the user's features
    ```

    `direction` determines which side attends to the other; d is the width of a head (see `tfrec.layers.CrossAttention`
    and `CoAttention`):

    ```
    item-to-user   a_j = sum_l softmax_l((Wq norm(x_j)) . (Wk e_l) / sqrt(d)) Wv e_l,  a = mean_j a_j
                   match = [t, a, t * a]          each feature of the item attends to the user's events
    user-to-item   c = sum_j softmax_j((Wq norm(u)) . (Wk x_j) / sqrt(d)) Wv x_j
                   match = [u, c, u * c]          the user attends to the item's features
    both           one matrix of scores between x and e, with a softmax along each axis: a as above, and c_l for each
                   event, c = mean_l c_l
                   match = [t, a, t * a, u, c, u * c]
    ```

    Then, with the vectors of the user's features and of the context, and (user id * item id) if there is a user id:

    ```
    m = [match, vectors of user and context, user * item]
    bias = sum of a learned number for each value of each feature
    head linear    y = w . m + bias
         dense     y = w . mlp(m) + bias
         skip      y = w . [m, mlp(m)] + bias
         residual  h = m;  h <- h + W2 relu(W1 h) for each of hidden_dims;  y = w . h + bias
         sigmoid   y = lowest + (highest - lowest) * sigmoid(w . mlp(m) + bias), for ratings
    ```

    With `encoder="joint"` the events and the item's features form one sequence. Blocks of self-attention process the
    whole sequence, so the encoding of each side depends on the other. The attention of `direction` follows.

    The vector of an event combines its item, the other sequences of item features, and the feedback on it, such as the
    rating in `history_label` (see `tfrec.models.ranking.history_vectors`). With `may_abstain`, an item feature can
    attend to nothing if no event of the history fits. As a collaborative filter, the biases and user * item are a
    matrix factorisation, the attention over the history is a neighbourhood model with learned weights, and the
    self-attention lets the neighbours see each other.

    For ratings, `history` may hold all other ratings of the user. For clicks, it must end before the row.

    The attentions are named `cross` (item features over the history), `features` (the user, or each event, over the
    item's features), and `user_0`, `item_0`, `joint_0` and so on for the blocks. `attention_supervision` λ adds
    λ KL(given || learned) for each row with `given_cross`, `given_user_0` and so on; see `RankingModel`.

    Args:
        features: as described in `tfrec.models.feature_inputs`; must hold `item` and a sequence `history` of it.
        embedding_dim: D, width of all vectors.
        user_layers: number of self-attention blocks over the history; 0 uses the events unchanged.
        item_layers: number of self-attention blocks over the item's features. None means 1, or 0 for
            direction="user-to-item": blocks mix the features, and without them each weight belongs to one feature.
        num_heads: heads of all attentions, a divisor of D.
        causal: whether an event of the history attends only to earlier ones; needs encoder="separate".
        use_positions: whether events get position vectors, counted from the newest; only the newest `length`
            events are read.
        may_abstain: whether the attention over the history can attend to nothing; see `tfrec.layers.CrossAttention`.
        head: "linear", "dense", "skip", "residual" or "sigmoid", as above.
        hidden_dims: widths of the hidden layers of the mlp, or of W1 in each residual unit.
        dropout: rate, in the encoders, on the vectors of the match, and in the head.
        embedding_l2: weight of the squared vectors and biases in the loss.
        task: "click" or "rating".
        output_bias: initial bias of the output: the logit of the mean click rate, or the mean rating.
        rating_range: (lowest, highest) of a rating.
        attention_supervision: λ.
        direction: "item-to-user", "user-to-item" or "both", as above.
        encoder: "separate" for a stack of blocks for each side, "joint" for one stack over both.
        joint_layers: number of self-attention blocks of the joint encoder, which replace the blocks of `user_layers`
            and `item_layers`.
        seed: seed of the initial embeddings, the attentions, the head and their dropout.

    Shapes:
        one input per feature; output (B, 1).

    Raises:
        ValueError: if `item` or its `history` is missing, `head`, `direction` or `encoder` is unknown, or a size or
            weight is invalid.

    Reference:
        Encoders and cross-attention: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762.
        Co-attention: Lu et al., "Hierarchical Question-Image Co-Attention", NeurIPS 2016, arXiv 1606.00061. Residual
        head: Shan et al., "Deep Crossing", KDD 2016. Neighbourhood model with biases and factors: Koren,
        "Factorization Meets the Neighborhood", KDD 2008. Supervised attention: Liu et al., "Neural Machine Translation
        with Supervised Attention", COLING 2016, arXiv 1609.04186.

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
        item_layers: int | None = None,
        num_heads: int = 2,
        causal: bool = False,
        use_positions: bool = False,
        may_abstain: bool = True,
        head: str = "skip",
        hidden_dims: Sequence[int] = (64,),
        dropout: float = 0.1,
        embedding_l2: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        attention_supervision: float = 0.0,
        direction: str = "item-to-user",
        encoder: str = "separate",
        joint_layers: int = 1,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "attentionmatcher",
        **kwargs: Any,
    ) -> None:
        features = check_features(features)
        things = [sequence for sequence, _ in paired_features(features)]
        marks = [one["name"] for one in features_in_groups(features, "history") if not one.get("of")]
        static = features_in_groups(features, "user", "item", "context")
        of_item = [one["name"] for one in static if one["group"] == "item"]
        of_user = [one["name"] for one in static if one["group"] == "user"]
        others = [one["name"] for one in static if one["group"] != "item"]
        embedding_dim, num_heads = check_sizes(embedding_dim=embedding_dim, num_heads=num_heads)
        check_heads(num_heads, embedding_dim, "embedding_dim")
        user_layers = check_size("user_layers", user_layers, 0)
        item_layers = check_size("item_layers", item_layers, 0, optional=True)
        if item_layers is None:
            item_layers = 0 if direction == "user-to-item" else 1
        check_weights(embedding_l2=embedding_l2)
        joint_layers = check_size("joint_layers", joint_layers)
        for argument, value, known in (("direction", direction, DIRECTIONS), ("encoder", encoder, ENCODERS)):
            if value not in known:
                raise ValueError(f"{argument} must be one of {', '.join(known)}, got {value!r}.")
        if causal and encoder == "joint":
            raise ValueError(
                'causal=True needs encoder="separate": in the joint encoder, all positions see each other.'
            )
        check_task(task, rating_range)
        check_head(head, task, rating_range)

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        l2 = keras.regularizers.L2(embedding_l2) if embedding_l2 else None
        embedding = FeatureEmbedding(features, embedding_dim, l2, seed=seed, dtype=policy, name="embedding")
        biases = FeatureEmbedding(static, 1, l2, scale=0.01, seed=seed, dtype=policy, name="biases")
        drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")
        ask_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy, name="ask_norm")
        abstains = may_abstain and direction != "user-to-item"  # the item always has features to answer
        cross = (CoAttention if direction == "both" else CrossAttention)(
            num_heads, dropout, abstains, seed=seed, dtype=policy, name="cross"
        )

        def encoded(side: str, x: Any, mask: Any, layers: int, causal: bool = False) -> Any:
            axis = {"user": "history", "item": "feature", "joint": "history+feature"}[side]
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
        tokens = ops.stack([vectors[one] for one in of_item], axis=1)
        all_real = ops.ones_like(tokens[:, :, 0], dtype="bool")
        if encoder == "joint":
            both = SegmentEmbedding(seed, dtype=policy, name="segments")([events, drop(tokens)])
            both = encoded("joint", both, ops.concatenate([mask, all_real], axis=1), joint_layers)
            events, tokens = both[:, : -len(of_item)], both[:, -len(of_item) :]
        else:
            events = encoded("user", events, mask, user_layers, causal)
            tokens = encoded("item", drop(tokens), all_real, item_layers)
        pooled_tokens = ops.mean(tokens, axis=1)
        user = _mean_of_real(events, mask)
        if of_user:
            user = user + ops.mean(ops.stack([vectors[one] for one in of_user], axis=1), axis=1)
        if direction == "item-to-user":
            answers, weights = cross(ask_norm(tokens), events, mask, return_attention_scores=True)
            attention["cross"] = (weights, ("head", "feature", "history"))
            answer = ops.mean(answers, axis=1)
            match = [pooled_tokens, answer, pooled_tokens * answer]
        elif direction == "user-to-item":
            query = ops.expand_dims(ask_norm(user), 1)
            answers, weights = cross(query, tokens, all_real, return_attention_scores=True)
            attention["features"] = (ops.squeeze(weights, 2), ("head", "feature"))
            answer = ops.squeeze(answers, 1)
            match = [user, answer, user * answer]
        else:
            answers, context, weights, over_features = cross(tokens, events, mask, return_attention_scores=True)
            attention["cross"] = (weights, ("head", "feature", "history"))
            attention["features"] = (over_features, ("head", "history", "feature"))
            answer, context = ops.mean(answers, axis=1), _mean_of_real(context, mask)
            match = [pooled_tokens, answer, pooled_tokens * answer, user, context, user * context]
        match += [drop(vectors[one]) for one in others]
        if "user" in vectors:
            match.append(vectors["user"] * vectors["item"])
        of_each = biases({one["name"]: inputs[one["name"]] for one in static})
        bias = sum(ops.cast(one, "float32") for one in of_each.values())
        x = ops.concatenate(match, axis=-1)
        output = head_output(head, x, bias, hidden_dims, dropout, output_bias, rating_range, seed, policy)
        super().__init__(
            inputs,
            output,
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
        self.direction = direction
        self.encoder = encoder
        self.joint_layers = joint_layers
        self.seed = seed
        self.dtype_policy = policy

    def get_config(self) -> dict[str, Any]:
        """As in `Recommender`. An extra entry marks head="residual" as residual units; see `from_config`."""
        config = super().get_config()
        return {**config, _RESIDUAL_UNITS: True} if config.get("head") == "residual" else config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """As in `Recommender`. In configs older than the residual units, "residual" is the head "skip" of today."""
        config = dict(config)
        is_new = config.pop(_RESIDUAL_UNITS, False)
        if config.get("head") == "residual" and not is_new:
            config["head"] = "skip"
        return super().from_config(config, custom_objects)


def _mean_of_real(x: Any, mask: Any) -> Any:
    """(B, D): the mean of (B, L, D) over its real positions, 0 where there are none."""
    weights = ops.cast(ops.expand_dims(mask, -1), x.dtype)
    return ops.sum(x * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1)
