"""DCN-v2: explicit feature crosses of bounded degree, followed by or in parallel with a deep network."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import MLP
from tfrec.models.feature_inputs import feature_inputs
from tfrec.models.ranking.field_vectors import field_features, field_vectors, output_map
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import check_size, check_sizes, check_weights
from tfrec.ops.random_state import random_state_kept

with random_state_kept():
    import keras_rs

STRUCTURES = ("stacked", "parallel")


@keras.saving.register_keras_serializable(package="tfrec")
class DCNv2(RankingModel):
    """Deep and cross network with matrices in its cross layers.

    ```
    x_0 = [e_1; ..; e_F];  x_{l+1} = x_0 * (W_l x_l + b_l) + x_l
    stacked:   y = v . MLP(x_L) + b
    parallel:  y = v . [x_L; MLP(x_0)] + b
    ```

    L cross layers give products of up to L + 1 components of x_0. The model reads features of users, items and
    contexts; histories are ignored.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`.
        embedding_dim: D, width of all vectors.
        num_cross_layers: L.
        projection_dim: R; each W is a product of two matrices of shapes F D x R and R x F D. None gives full matrices.
        structure: "stacked": the deep network reads the output of the cross layers; "parallel": it reads their input.
        hidden_dims: widths of the deep network; it may have none.
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
        ValueError: if a feature is invalid, there are fewer than two, a size is not a positive integer, or the
            structure is unknown.

    Reference:
        Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning to Rank
        Systems", WWW 2021, arXiv 2008.13535. The mixture of low-rank experts is not implemented. Here all features have
        vectors of the same width, including numbers, which the paper uses directly.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "user", "kind": "categorical", "group": "user", "size": 10},
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 20},
        ... ]
        >>> model = DCNv2(features, embedding_dim=4, num_cross_layers=2, hidden_dims=[8])
        >>> model.score({"user": np.array([2, 3]), "item": np.array([5, 0])}).shape
        TensorShape([2])
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 16,
        num_cross_layers: int = 3,
        projection_dim: int | None = None,
        structure: str = "stacked",
        hidden_dims: Sequence[int] = (400, 400),
        activation: str = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        embedding_l2: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "dcnv2",
        **kwargs: Any,
    ) -> None:
        embedding_dim, num_cross_layers = check_sizes(embedding_dim=embedding_dim, num_cross_layers=num_cross_layers)
        projection_dim = check_size("projection_dim", projection_dim, optional=True)
        check_weights(embedding_l2=embedding_l2)
        if structure not in STRUCTURES:
            raise ValueError(f"structure must be one of {', '.join(STRUCTURES)}, got {structure!r}.")
        fields = field_features(features)

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        crosses = [
            keras_rs.layers.FeatureCross(
                projection_dim,
                kernel_initializer=keras.initializers.GlorotUniform(None if seed is None else seed + place),
                dtype=policy,
                name=f"cross_{place}",
            )
            for place in range(1, num_cross_layers + 1)
        ]
        deep = MLP(hidden_dims, activation, dropout, batch_norm, seed, dtype=policy, name="deep")
        output = output_map(output_bias, seed)

        # === Functional graph ===
        inputs = feature_inputs(fields)
        vectors = field_vectors(fields, inputs, embedding_dim, embedding_l2, seed, policy)
        start = ops.reshape(vectors, (-1, len(fields) * embedding_dim))
        crossed = start
        for cross in crosses:
            crossed = cross(start, crossed)
        joined = deep(crossed) if structure == "stacked" else ops.concatenate([crossed, deep(start)], axis=-1)
        super().__init__(inputs, output(joined), task, rating_range, name=name, **kwargs)

        # === Config ===
        self.features = [dict(feature) for feature in features]
        self.embedding_dim = embedding_dim
        self.num_cross_layers = num_cross_layers
        self.projection_dim = projection_dim
        self.structure = structure
        self.hidden_dims = list(map(int, hidden_dims))
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.embedding_l2 = embedding_l2
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
