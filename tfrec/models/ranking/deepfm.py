"""DeepFM: a factorization machine and a deep network over the same vectors."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import MLP
from tfrec.models.feature_inputs import feature_inputs
from tfrec.models.ranking.field_vectors import field_features, field_vectors, linear_terms, output_map
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import bi_interaction, check_size, check_weights


@keras.saving.register_keras_serializable(package="tfrec")
class DeepFM(RankingModel):
    """A factorization machine and a deep network that share one embedding table per feature.

    ```
    e_i = vector of feature i
    y = sum_i w_i + sum_{i<j} e_i . e_j + v . MLP([e_1; ..; e_F]) + b
    ```

    The first sum is linear in the values, the second models the interaction of each pair of features, and the network
    can learn interactions of higher order. The model reads features of users, items and contexts; histories are
    ignored.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`.
        embedding_dim: D, width of all vectors.
        hidden_dims: widths of the deep network; with an empty list, v reads the vectors directly.
        activation: activation of the deep network.
        dropout: rate, after each layer of the deep network.
        batch_norm: whether the deep network uses batch normalisation.
        embedding_l2: weight of the squared vectors in the loss.
        task: "click" or "rating".
        output_bias: initial bias of the output: the logit of the mean click rate, or the mean rating.
        rating_range: (lowest, highest) rating, or None.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        inputs by name, see `tfrec.models.feature_inputs`; output (B, 1) float32.

    Raises:
        ValueError: if a feature is invalid, there are fewer than two, or a size is not a positive integer.

    Reference:
        Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction", IJCAI 2017, arXiv
        1703.04247. Here numbers are mapped to vectors by an affine map, in the paper by a linear one; missing values
        have their own vectors; and a feature with several values has the mean of their vectors.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "user", "kind": "categorical", "group": "user", "size": 10},
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 20},
        ... ]
        >>> model = DeepFM(features, embedding_dim=4, hidden_dims=[8])
        >>> model.score({"user": np.array([2, 3]), "item": np.array([5, 0])}).shape
        TensorShape([2])
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 16,
        hidden_dims: Sequence[int] = (400, 400, 400),
        activation: str = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        embedding_l2: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "deepfm",
        **kwargs: Any,
    ) -> None:
        embedding_dim = check_size("embedding_dim", embedding_dim)
        check_weights(embedding_l2=embedding_l2)
        fields = field_features(features)

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        deep = MLP(hidden_dims, activation, dropout, batch_norm, seed, dtype=policy, name="deep")
        output = output_map(output_bias, seed)

        # === Functional graph ===
        inputs = feature_inputs(fields)
        vectors = field_vectors(fields, inputs, embedding_dim, embedding_l2, seed, policy)
        machine = linear_terms(fields, inputs, policy) + ops.sum(bi_interaction(vectors), axis=-1, keepdims=True)
        rest = deep(ops.reshape(vectors, (-1, len(fields) * embedding_dim)))
        super().__init__(inputs, output(rest) + machine, task, rating_range, name=name, **kwargs)

        # === Config ===
        self.features = [dict(feature) for feature in features]
        self.embedding_dim = embedding_dim
        self.hidden_dims = list(map(int, hidden_dims))
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.embedding_l2 = embedding_l2
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
