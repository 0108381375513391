"""AutoInt: self-attention over the features of a row."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers import MLP, InteractingAttention
from tfrec.models.feature_inputs import feature_inputs
from tfrec.models.ranking.field_vectors import field_features, field_vectors, output_map
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import check_sizes, check_weights


@keras.saving.register_keras_serializable(package="tfrec")
class AutoInt(RankingModel):
    """Automatic feature interactions by self-attention, with or without a deep network.

    ```
    X_0 = [e_1, .., e_F];  X_l = relu(heads(X_{l-1}) + X_{l-1} Wr)
    AutoInt:   y = v . [x_L1; ..; x_LF] + b
    AutoInt+:  y = v . [x_L1; ..; x_LF; MLP([e_1; ..; e_F])] + b
    ```

    In each layer, every feature attends to the others; `attention_weights(inputs)["layer_1"]` and so on return the
    weights. The model reads features of users, items and contexts; histories are ignored.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`.
        embedding_dim: D, width of all vectors.
        num_layers: L, number of interacting layers.
        num_heads: H.
        head_dim: K; after the first layer, vectors have width H K.
        use_residual: whether to add X_{l-1} Wr.
        qk_norm: whether scores are cosines times a temperature; see `tfrec.layers.QueryKeyNorm`. Without it, small
            vectors all get nearly equal weights.
        hidden_dims: widths of the deep network of AutoInt+; an empty list gives AutoInt.
        activation: activation of the deep network.
        dropout: rate, on the attention weights and after each layer of the deep network.
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
        Song et al., "AutoInt: Automatic Feature Interaction Learning via Self-Attentive Neural Networks", CIKM 2019,
        arXiv 1810.11921. Here numbers are mapped to vectors by an affine map, in the paper by a linear one, and missing
        values have their own vectors. `qk_norm` is not in the paper.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "user", "kind": "categorical", "group": "user", "size": 10},
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 20},
        ... ]
        >>> model = AutoInt(features, embedding_dim=4, num_layers=2, num_heads=2, head_dim=4)
        >>> model.score({"user": np.array([2, 3]), "item": np.array([5, 0])}).shape
        TensorShape([2])
        >>> model.attention_axes
        {'layer_1': ['head', 'feature', 'feature'], 'layer_2': ['head', 'feature', 'feature']}
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 16,
        num_layers: int = 3,
        num_heads: int = 2,
        head_dim: int = 32,
        use_residual: bool = True,
        qk_norm: bool = False,
        hidden_dims: Sequence[int] = (),
        activation: str = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        embedding_l2: float = 0.0,
        task: str = "click",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "autoint",
        **kwargs: Any,
    ) -> None:
        embedding_dim, num_layers, num_heads, head_dim = check_sizes(
            embedding_dim=embedding_dim, num_layers=num_layers, num_heads=num_heads, head_dim=head_dim
        )
        check_weights(embedding_l2=embedding_l2)
        fields = field_features(features)

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        layers = [
            InteractingAttention(
                num_heads,
                head_dim,
                use_residual,
                dropout,
                qk_norm,
                None if seed is None else seed + place,
                dtype=policy,
                name=f"layer_{place}",
            )
            for place in range(1, num_layers + 1)
        ]
        deep = MLP(hidden_dims, activation, dropout, batch_norm, seed, dtype=policy, name="deep")
        output = output_map(output_bias, seed)

        # === Functional graph ===
        inputs = feature_inputs(fields)
        vectors = field_vectors(fields, inputs, embedding_dim, embedding_l2, seed, policy)
        attention = {}
        x = vectors
        for layer in layers:
            x, weights = layer(x, return_attention_scores=True)
            attention[layer.name] = (weights, ("head", "feature", "feature"))
        joined = ops.reshape(x, (-1, len(fields) * num_heads * head_dim))
        if hidden_dims:
            joined = ops.concatenate([joined, deep(ops.reshape(vectors, (-1, len(fields) * embedding_dim)))], axis=-1)
        super().__init__(
            inputs,
            output(joined),
            task,
            rating_range,
            attention=attention,
            attention_labels={"feature": [field["name"] for field in fields]},
            name=name,
            **kwargs,
        )

        # === Config ===
        self.features = [dict(feature) for feature in features]
        self.embedding_dim = embedding_dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.use_residual = use_residual
        self.qk_norm = qk_norm
        self.hidden_dims = list(map(int, hidden_dims))
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.embedding_l2 = embedding_l2
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
