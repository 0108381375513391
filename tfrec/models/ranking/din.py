"""DIN: the events of a history, weighted by their relevance to the candidate."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import FeatureEmbedding, LocalActivationUnit
from tfrec.models.feature_inputs import check_features, feature_inputs
from tfrec.models.ranking.field_vectors import output_map
from tfrec.models.ranking.history_vectors import all_features_network, pair_history_with_candidate, paired_features
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import check_size, check_weights


@keras.saving.register_keras_serializable(package="tfrec")
class DIN(RankingModel):
    """Deep Interest Network.

    A user has many interests, and only a few are relevant to a given candidate. So the vector of a user depends on the
    candidate: each event of the history gets a weight from the pair of event and candidate, and the rest of the model
    reads the weighted sum of the events.

    ```
    k_l, q = events and candidate in one space (see tfrec.models.ranking.history_vectors)
    interest = sum_l a(q, k_l) k_l;    y = v . MLP([interest; q; all other features]) + b
    ```

    `a` is a small network, `tfrec.layers.LocalActivationUnit`. The order of the history has no effect.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`; must hold `item` and its `history`.
        embedding_dim: D, width of the vector of a feature; an event has width W, which is D times its number of
            features.
        attention_dims: widths of the network that computes the weight of an event.
        softmax: whether the weights of a history sum to 1. If not, many relevant events count more than one.
        hidden_dims: widths of the MLP over all vectors; with an empty list, the output layer reads the vectors
            directly.
        activation: activation of the MLP: "dice", or an argument of `keras.activations.get`.
        dropout: rate, after each layer of the MLP.
        batch_norm: whether the MLP uses batch normalisation.
        embedding_l2: weight of the squared vectors in the loss.
        task: "click" or "rating".
        output_bias: initial bias of the output: the logit of the mean click rate, or the mean rating.
        rating_range: (lowest, highest) rating, or None.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        inputs by name, see `tfrec.models.feature_inputs`; output (B, 1) float32.

    Raises:
        ValueError: if a feature is invalid, there is no history of items, or a size is not a positive integer.

    Reference:
        Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv 1706.06978. Here events
        may also have attributes that the candidate lacks, such as a rating. Mini-batch aware regularisation is not
        implemented; `embedding_l2` applies to the whole table.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 20},
        ...     {"name": "history", "kind": "sequence", "group": "history", "length": 5, "of": "item"},
        ... ]
        >>> model = DIN(features, embedding_dim=4, hidden_dims=[8])
        >>> inputs = {"item": np.array([7, 3]), "history": np.array([[0, 3, 7], [0, 0, 0]])}
        >>> model.score(inputs).shape, model.attention_weights(inputs)["history"].shape
        (TensorShape([2]), TensorShape([2, 3]))
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 16,
        attention_dims: Sequence[int] = (64, 32),
        softmax: bool = False,
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
        name: str = "din",
        **kwargs: Any,
    ) -> None:
        features = check_features(features)
        embedding_dim = check_size("embedding_dim", embedding_dim)
        attention_dims = [check_size("Each of attention_dims", width) for width in attention_dims]
        if not attention_dims:
            raise ValueError("attention_dims must hold at least one width, got an empty list.")
        check_weights(embedding_l2=embedding_l2)
        paired_features(features)

        if kwargs.get("attention_supervision") and not softmax:
            raise ValueError(
                "attention_supervision needs weights that sum to 1: build DIN with softmax=True. Without it, "
                "the divergence has no lower bound."
            )

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        regularizer = keras.regularizers.L2(embedding_l2) if embedding_l2 else None
        embedding = FeatureEmbedding(features, embedding_dim, regularizer, seed=seed, dtype=policy, name="embedding")
        unit = LocalActivationUnit(attention_dims, softmax, seed, dtype=policy, name="attention")
        deep = all_features_network(hidden_dims, activation, dropout, batch_norm, seed, policy)
        output = output_map(output_bias, seed)

        # === Functional graph ===
        inputs = feature_inputs(features)
        keys, query, mask, rest = pair_history_with_candidate(features, inputs, embedding(inputs), seed, policy)
        weights = unit(query, keys, mask)
        interest = ops.einsum("bl,blw->bw", weights, keys)
        outputs = output(deep(ops.concatenate([interest, query, *rest], axis=-1)))
        attention = {"history": (weights, ("history",))}
        super().__init__(inputs, outputs, task, rating_range, attention, name=name, **kwargs)

        # === Config ===
        self.features = features
        self.embedding_dim = embedding_dim
        self.attention_dims = list(attention_dims)
        self.softmax = softmax
        self.hidden_dims = list(map(int, hidden_dims))
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.embedding_l2 = embedding_l2
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
