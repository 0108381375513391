"""DIEN: the evolution of a user's interest with respect to the candidate."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import AttentionalGRU, FeatureEmbedding, NextEventLoss, RandomNegatives
from tfrec.models.feature_inputs import check_features, feature_inputs
from tfrec.models.ranking.field_vectors import output_map
from tfrec.models.ranking.history_vectors import all_features_network, pair_history_with_candidate, paired_features
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import RESERVED_IDS, check_size, check_weights, masked_softmax

DRAWN = "history_negatives"


@keras.saving.register_keras_serializable(package="tfrec")
class DIEN(RankingModel):
    """Deep Interest Evolution Network.

    A first GRU reads the history. Its state after an event is the interest at that time, and an auxiliary loss trains
    it to distinguish the next event from a random item. A second GRU reads these interests. Attention to the candidate
    scales its update gate, so interests that are relevant to the candidate change the state more:

    ```
    k_l, q = events and candidate in one space (see tfrec.models.ranking.history_vectors)
    h = GRU(k);  a = softmax_l(h_l . (q A));  g = AUGRU(h, a);  y = v . MLP([g_L; q; all other features]) + b
    ```

    In inference there are no random items and no auxiliary loss. Both GRUs run L sequential steps, so this is the
    slowest ranking model with a history.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`; must hold `item` and its `history`.
        embedding_dim: D, width of the vector of a feature; an event has width W, which is D times its number of
            features.
        state_dim: width of the states of both GRUs; None means W.
        auxiliary_weight: weight of the auxiliary loss, which is averaged over rows; 0 removes it.
        hidden_dims: widths of the MLP over all vectors; with an empty list, the output layer reads the vectors
            directly.
        activation: activation of the MLP: "dice", or an argument of `keras.activations.get`.
        dropout: rate, after each layer of the MLP.
        batch_norm: whether the MLP uses batch normalisation.
        embedding_l2: weight of the squared vectors in the loss.
        task: "click" or "rating".
        output_bias: initial bias of the output: the logit of the mean click rate, or the mean rating.
        rating_range: (lowest, highest) rating, or None.
        seed: seed of the initial weights, the dropout and the random items in training.

    Shapes:
        inputs by name, see `tfrec.models.feature_inputs`; output (B, 1) float32.

    Raises:
        ValueError: if a feature is invalid, there is no history of items, or a size is not a positive integer.

    Reference:
        Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction", AAAI 2019, arXiv 1809.03672.
        In the paper the data pipeline draws the negatives; here the model draws them. It draws only item ids, so the
        auxiliary loss compares states with the vectors of ids, not with the vectors of whole events. See
        `tfrec.layers.NextEventLoss` for the formula.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 20},
        ...     {"name": "history", "kind": "sequence", "group": "history", "length": 5, "of": "item"},
        ... ]
        >>> model = DIEN(features, embedding_dim=4, hidden_dims=[8])
        >>> inputs = {"item": np.array([7, 3]), "history": np.array([[0, 3, 7], [0, 0, 0]])}
        >>> model.score(inputs).shape, model.attention_weights(inputs)["history"].shape
        (TensorShape([2]), TensorShape([2, 3]))
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 16,
        state_dim: int | None = None,
        auxiliary_weight: float = 1.0,
        hidden_dims: Sequence[int] = (200, 80),
        activation: str = "dice",
        dropout: float = 0.0,
        batch_norm: bool = False,
        embedding_l2: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "dien",
        **kwargs: Any,
    ) -> None:
        features = check_features(features)
        pairs = paired_features(features)
        embedding_dim = check_size("embedding_dim", embedding_dim)
        state_dim = check_size("state_dim", state_dim, optional=True)
        check_weights(embedding_l2=embedding_l2, auxiliary_weight=auxiliary_weight)
        states_width = state_dim or len(pairs) * embedding_dim
        by_name = {feature["name"]: feature for feature in features}
        # The embedding treats the random items as a second history.
        drawn = [{**by_name["history"], "name": DRAWN}] if auxiliary_weight else []

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        regularizer = keras.regularizers.L2(embedding_l2) if embedding_l2 else None
        embedding = FeatureEmbedding(
            [*features, *drawn], embedding_dim, regularizer, seed=seed, dtype=policy, name="embedding"
        )
        extractor = AttentionalGRU(states_width, return_sequences=True, seed=seed, dtype=policy, name="extractor")
        start = keras.initializers.GlorotUniform(seed)
        to_states = keras.layers.Dense(
            states_width, use_bias=False, kernel_initializer=start, dtype=policy, name="attention"
        )
        evolution = AttentionalGRU(
            states_width, seed=None if seed is None else seed + 1, dtype=policy, name="evolution"
        )
        deep = all_features_network(hidden_dims, activation, dropout, batch_norm, seed, policy)
        output = output_map(output_bias, seed)

        # === Functional graph ===
        inputs = feature_inputs(features)
        read = dict(inputs)
        if drawn:
            read[DRAWN] = RandomNegatives(by_name["item"]["size"], seed, name="negatives")(inputs["history"])
        vectors = embedding(read)
        keys, query, mask, rest = pair_history_with_candidate(features, inputs, vectors, seed, policy)
        states = extractor(keys, ops.cast(mask, "float32"))
        if drawn:
            loss = NextEventLoss(auxiliary_weight, seed, dtype=policy, name="auxiliary_loss")
            is_known = ops.greater_equal(inputs["history"], RESERVED_IDS)
            states = loss(states, vectors["history"], vectors[DRAWN], is_known)
        weights = masked_softmax(ops.einsum("bls,bs->bl", states, to_states(query)), mask)
        outputs = output(deep(ops.concatenate([evolution(states, weights), query, *rest], axis=-1)))
        attention = {"history": (weights, ("history",))}
        super().__init__(inputs, outputs, task, rating_range, attention, name=name, **kwargs)

        # === Config ===
        self.features = features
        self.embedding_dim = embedding_dim
        self.state_dim = state_dim
        self.auxiliary_weight = auxiliary_weight
        self.hidden_dims = list(map(int, hidden_dims))
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.embedding_l2 = embedding_l2
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
