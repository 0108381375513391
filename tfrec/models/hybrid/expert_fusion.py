"""ExpertFusion: a collaborative and a content expert, combined by a gate."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import MLP, ColdStart, CrossAttention, ExpertGate, FeatureEmbedding
from tfrec.models.feature_inputs import check_features, feature_inputs, features_in_groups
from tfrec.models.ranking.history_vectors import event_vectors, paired_features
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import PADDING_ID, check_heads, check_sizes, check_weights


@keras.saving.register_keras_serializable(package="tfrec")
class ExpertFusion(RankingModel):
    """A collaborative and a content expert, combined by an attention gate for each pair of user and item.

    ```
    collaborative:  a = attend(item id -> ids of the history);             x_1 = mlp[i, a, i * a, u, u * i]
    content:        t = mean of the content vectors, without ids
                    h = attend(t -> content of the history)
                    p = attend(t + h -> the content vectors)               x_2 = mlp[t, h, t * h, p]
    gate:           w = softmax_n of additive attention of [count, log(1 + length of the history)] over x_n
    rating:         y = w_1 y_1 + w_2 y_2                     y_n linear in x_n and in the input of its mlp
    click:          sigmoid(y) = w_1 sigmoid(y_1) + w_2 sigmoid(y_2)
    ```

    The collaborative expert reads only the ids of user, item and history. The content expert reads all other features
    of user, item and context, and the sequences of these features. Sequences with their own vectors, such as
    `history_label`, change the events of both experts (see `tfrec.models.ranking.history_vectors`).

    In training, the items of some rows are replaced by the unseen id (`tfrec.layers.ColdStart`), so that the gate
    learns what to do with new items. `attention_weights(inputs)["experts"]` returns the weights of the gate.

    Args:
        features: as described in `tfrec.models.feature_inputs`: `item`, a sequence `history` of it, and at least one
            content feature.
        embedding_dim: D, width of all vectors.
        num_heads: heads of the three attentions over history and content, a divisor of D.
        qk_norm: whether these three use cosines times a temperature as scores; see `tfrec.layers.QueryKeyNorm`. Without
            it, small vectors all get nearly equal weights.
        hidden_dims: widths of the hidden layers of each expert.
        dropout: rate, in the experts' dense layers and on the attention weights.
        embedding_l2: weight of the squared vectors in the loss.
        cold_rate: share of the rows whose item is replaced by the unseen id in training.
        count_feature: name of the numeric item feature that holds the count of an item, on a log scale. It is optional:
            if the features lack it, the gate does not use it.
        cold_count: value of `count_feature` for an unseen item, which is `encode` of the fitted feature for a count of
            0. The default 0 is the mean count of the training rows if numbers are standardised; recipes set it.
        task: "click" or "rating".
        output_bias: initial bias of the output: the logit of the mean click rate, or the mean rating.
        rating_range: (lowest, highest) of a rating.
        seed: seed of the initial weights and of all random draws.

    Shapes:
        one input per feature; output (B, 1).

    Raises:
        ValueError: if `item`, its `history` or all content is missing, `num_heads` does not divide D, or
            `count_feature` is not a numeric item feature.

    Reference:
        This model is our own; its parts are published. Gate over experts: Jacobs et al., "Adaptive Mixtures of Local
        Experts", 1991. Items made unseen in training: Volkovs et al., "DropoutNet", NeurIPS 2017. Both together, with
        experts that transform content alone: Zhu et al., "Recommendation for New Users and New Items via Randomized
        Training and Mixture-of-Experts Transformation", SIGIR 2020.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 9},
        ...     {"name": "year", "kind": "numeric", "group": "item"},
        ...     {"name": "history", "kind": "sequence", "group": "history", "length": 3, "of": "item"},
        ... ]
        >>> model = ExpertFusion(features, embedding_dim=4)
        >>> row = {"item": np.array([5]), "year": np.array([0.5], "float32"), "history": np.array([[0, 2, 3]])}
        >>> model.attention_labels["expert"], model.attention_weights(row)["experts"].shape
        (['collaborative', 'content'], TensorShape([1, 2]))
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 16,
        num_heads: int = 1,
        qk_norm: bool = True,
        hidden_dims: Sequence[int] = (64, 32),
        dropout: float = 0.0,
        embedding_l2: float = 0.0,
        cold_rate: float = 0.1,
        count_feature: str = "item_count",
        cold_count: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "expertfusion",
        **kwargs: Any,
    ) -> None:
        features = check_features(features)
        paired = paired_features(features)
        embedding_dim, num_heads = check_sizes(embedding_dim=embedding_dim, num_heads=num_heads)
        check_heads(num_heads, embedding_dim, "embedding_dim")
        check_weights(embedding_l2=embedding_l2)
        counted = next((one for one in features if one["name"] == count_feature), None)
        if counted is not None and (counted["kind"], counted["group"]) != ("numeric", "item"):
            raise ValueError(
                f"count_feature must name a numeric item feature, but '{count_feature}' "
                f"has the kind {counted['kind']} and the group {counted['group']}."
            )
        marks = [one["name"] for one in features_in_groups(features, "history") if not one.get("of")]
        static = features_in_groups(features, "user", "item", "context")
        no_content = ("user", "item", count_feature)
        content = [one["name"] for one in static if one["name"] not in no_content]
        of_item = [one["name"] for one in features_in_groups(static, "item") if one["name"] not in no_content]
        if not content:
            raise ValueError(
                "The content expert of ExpertFusion needs at least one feature other than user, item and "
                f"{count_feature}; got {[one['name'] for one in features]}."
            )
        past_content = [sequence for sequence, of in paired if of in content]

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        l2 = keras.regularizers.L2(embedding_l2) if embedding_l2 else None
        embedding = FeatureEmbedding(features, embedding_dim, l2, seed=seed, dtype=policy, name="embedding")
        cold_start = ColdStart(cold_rate, cold_count, seed, dtype=policy, name="cold_start")
        gate = ExpertGate(seed=seed, dtype=policy, name="gate")

        def ask(name: str, place: int, *inputs: Any) -> tuple[Any, Any]:
            own = None if seed is None else seed + 31 * place
            cross = CrossAttention(num_heads, dropout, qk_norm=qk_norm, seed=own, dtype=policy, name=name)
            return cross(*inputs, return_attention_scores=True)

        def expert(name: str, parts: list[Any], place: int) -> tuple[Any, Any]:
            own = None if seed is None else seed + 17 * place
            x = ops.concatenate(parts, axis=-1)
            deep = MLP(hidden_dims, dropout=dropout, seed=own, dtype=policy, name=f"{name}_mlp")(x)
            first, start = (keras.initializers.GlorotUniform(None if own is None else own + more) for more in (1, 2))
            to_state = keras.layers.Dense(
                embedding_dim, "tanh", kernel_initializer=first, dtype=policy, name=f"{name}_state"
            )
            bias = keras.initializers.Constant(output_bias)
            final = keras.layers.Dense(
                1, kernel_initializer=start, bias_initializer=bias, dtype=policy, name=f"{name}_score"
            )
            return to_state(deep), ops.cast(final(ops.concatenate([x, deep], axis=-1)), "float32")

        # === Functional graph ===
        inputs = feature_inputs(features)
        mask = ops.not_equal(inputs["history"], PADDING_ID)
        has_count = counted is not None
        counts = inputs[count_feature] if has_count else ops.zeros_like(inputs["item"], dtype="float32")
        ids, counts = cold_start(inputs["item"], counts)
        vectors = embedding({**inputs, "item": ids, **({count_feature: counts} if has_count else {})})
        how = [vectors[mark] for mark in marks]
        attention = {}

        item = vectors["item"]
        answer, weights = ask("ask_ids", 1, ops.expand_dims(item, 1), event_vectors([vectors["history"]], how), mask)
        answer = ops.squeeze(answer, 1)
        attention["collaborative"] = (ops.squeeze(weights, 2), ("head", "history"))
        parts = [item, answer, item * answer]
        if "user" in vectors:
            parts += [vectors["user"], vectors["user"] * item]
        collaborative, of_collaborative = expert("collaborative", parts, 1)

        tokens = ops.stack([vectors[one] for one in content], axis=1)
        about = ops.mean(ops.stack([vectors[one] for one in of_item or content], axis=1), axis=1, keepdims=True)
        query, parts = about, [ops.squeeze(about, 1)]
        if past_content:
            events = event_vectors([vectors[one] for one in past_content], how)
            found, weights = ask("ask_past_content", 2, about, events, mask)
            attention["past_content"] = (ops.squeeze(weights, 2), ("head", "history"))
            query = about + found
            parts += [ops.squeeze(found, 1), ops.squeeze(about * found, 1)]
        all_real = ops.ones_like(tokens[:, :, 0], dtype="bool")
        pooled, weights = ask("ask_content", 3, query, tokens, all_real)
        attention["content"] = (ops.squeeze(weights, 2), ("head", "content"))
        of_content, content_score = expert("content", [*parts, ops.squeeze(pooled, 1)], 2)

        length = ops.sum(ops.cast(mask, policy.compute_dtype), axis=-1, keepdims=True)
        state = [ops.log1p(length), *([vectors[count_feature]] if has_count else [])]
        weights = gate(ops.concatenate(state, axis=-1), ops.stack([collaborative, of_content], axis=1))
        attention["experts"] = (weights, ("expert",))
        scores = ops.concatenate([of_collaborative, content_score], axis=-1)
        if task == "click":
            # Mix probabilities, not logits: gate and experts could both scale logits, so the weights would be
            # meaningless.
            share = ops.log(ops.maximum(weights, 1e-7))
            yes, no = (
                ops.logsumexp(share + ops.log_sigmoid(sign * scores), axis=-1, keepdims=True) for sign in (1.0, -1.0)
            )
            outputs = yes - no
        else:
            outputs = ops.sum(weights * scores, axis=-1, keepdims=True)
        labels = {"expert": ["collaborative", "content"], "content": content}
        super().__init__(inputs, outputs, task, rating_range, attention, labels, name=name, **kwargs)

        # === Config ===
        self.features = features
        self.embedding_dim = embedding_dim
        self.num_heads = num_heads
        self.qk_norm = qk_norm
        self.hidden_dims = list(map(int, hidden_dims))
        self.dropout = dropout
        self.embedding_l2 = embedding_l2
        self.cold_rate = cold_rate
        self.count_feature = count_feature
        self.cold_count = cold_count
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
