"""AFM: a factorization machine with attention over the pairs of features."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfrec.layers import AttentionalPairPooling
from tfrec.models.feature_inputs import feature_inputs
from tfrec.models.ranking.field_vectors import field_features, field_vectors, linear_terms, output_map
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import check_sizes, check_weights, feature_pairs


@keras.saving.register_keras_serializable(package="tfrec")
class AFM(RankingModel):
    """Attentional factorization machine.

    ```
    p_ij = e_i * e_j;  a_ij = softmax_ij(h . relu(W p_ij + b));  y = sum_i w_i + v . sum_{i<j} a_ij p_ij + b0
    ```

    A factorization machine adds all products with equal weight. Here an attention computes the weight of each product
    from the product itself: `attention_weights(inputs)["pairs"]`. The model reads features of users, items and
    contexts; histories are ignored.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`.
        embedding_dim: D, width of all vectors.
        attention_dim: width of b and h.
        attention_l2: weight of the squared entries of W in the loss.
        dropout: rate, on the sum of the products.
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
        Xiao et al., "Attentional Factorization Machines: Learning the Weight of Feature Interactions via Attention
        Networks", IJCAI 2017, arXiv 1708.04617. Here each feature is one field, even if it has several values; numbers
        are mapped to vectors by an affine map; and dropout acts on the sum of the products, not on each product.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "user", "kind": "categorical", "group": "user", "size": 10},
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 20},
        ...     {"name": "age", "kind": "numeric", "group": "user"},
        ... ]
        >>> model = AFM(features, embedding_dim=4)
        >>> model.score({"user": np.array([2, 3]), "item": np.array([5, 0]), "age": np.array([0.3, np.nan])}).shape
        TensorShape([2])
        >>> model.attention_labels
        {'pair': ['user x item', 'item x age', 'user x age']}
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 16,
        attention_dim: int = 16,
        attention_l2: float = 0.0,
        dropout: float = 0.0,
        embedding_l2: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "afm",
        **kwargs: Any,
    ) -> None:
        embedding_dim, attention_dim = check_sizes(embedding_dim=embedding_dim, attention_dim=attention_dim)
        check_weights(embedding_l2=embedding_l2)
        fields = field_features(features)

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        pooling = AttentionalPairPooling(attention_dim, attention_l2, seed, dtype=policy, name="pooling")
        drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")
        pairs = feature_pairs([field["name"] for field in fields])
        output = output_map(output_bias, seed, averaged=len(pairs))

        # === Functional graph ===
        inputs = feature_inputs(fields)
        vectors = field_vectors(fields, inputs, embedding_dim, embedding_l2, seed, policy)
        pooled, weights = pooling(vectors, return_attention_scores=True)
        outputs = output(drop(pooled)) + linear_terms(fields, inputs, policy)
        super().__init__(
            inputs,
            outputs,
            task,
            rating_range,
            attention={"pairs": (weights, ("pair",))},
            attention_labels={"pair": [f"{one} x {other}" for one, other in pairs]},
            name=name,
            **kwargs,
        )

        # === Config ===
        self.features = [dict(feature) for feature in features]
        self.embedding_dim = embedding_dim
        self.attention_dim = attention_dim
        self.attention_l2 = attention_l2
        self.dropout = dropout
        self.embedding_l2 = embedding_l2
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
