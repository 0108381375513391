"""Matrix factorization of explicit ratings, with biases of users and items."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.models.feature_inputs import check_features, feature_inputs
from tfrec.models.ranking_model import RankingModel
from tfrec.ops import check_sizes, check_weights


@keras.saving.register_keras_serializable(package="tfrec")
class BiasedMF(RankingModel):
    """Matrix factorization of ratings.

    ```
    rating(u, i) = mu + b[u] + b[i] + p[u] . q[i]
    loss = squared error + embedding_l2 (|p[u]|^2 + |q[i]|^2) + bias_l2 (b[u]^2 + b[i]^2)    means over the batch
    ```

    mu is learned and starts at `output_bias`, the mean rating. The model reads the features "user" and "item" and
    ignores all others. Unseen users and items have id 1, whose vector is trained on the rows that `tfrec.data.labelled`
    marks as unseen (`unseen_rate`). So for an unseen user, mainly the biases of the items determine the scores.

    For implicit feedback (items without ratings), use `tfrec.models.MatrixFactorization`.

    Args:
        features: flat dicts, as described in `tfrec.models.feature_inputs`, with "user" and "item" among them.
        embedding_dim: D, width of the factors.
        embedding_l2: weight of the squared factors in the loss.
        bias_l2: weight of the squared biases in the loss.
        dropout: rate, on the products of the factors.
        task: "rating", or "click" for a logit.
        output_bias: initial bias of the output: the mean rating, or the logit of the mean click rate.
        rating_range: (lowest, highest) rating, or None.
        seed: seed of the initial weights and of the dropout.

    Shapes:
        `{"user": (B,) int, "item": (B,) int}`; output (B, 1) float32.

    Raises:
        ValueError: if "user" or "item" is not a categorical feature, a size is not a positive integer, or a weight is
            negative.

    Reference:
        Koren, Bell and Volinsky, "Matrix Factorization Techniques for Recommender Systems", IEEE Computer 2009.

    Example:
        >>> import numpy as np
        >>> features = [
        ...     {"name": "user", "kind": "categorical", "group": "user", "size": 10},
        ...     {"name": "item", "kind": "categorical", "group": "item", "size": 20},
        ... ]
        >>> model = BiasedMF(features, embedding_dim=4, output_bias=3.5)
        >>> model.score({"user": np.array([2, 3]), "item": np.array([5, 1])}).shape
        TensorShape([2])
    """

    def __init__(
        self,
        features: Sequence[Mapping[str, Any]],
        embedding_dim: int = 32,
        embedding_l2: float = 0.02,
        bias_l2: float = 0.0,
        dropout: float = 0.0,
        task: str = "rating",
        output_bias: float = 0.0,
        rating_range: Sequence[float] | None = None,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "biasedmf",
        **kwargs: Any,
    ) -> None:
        (embedding_dim,) = check_sizes(embedding_dim=embedding_dim)
        check_weights(embedding_l2=embedding_l2, bias_l2=bias_l2)
        by_name = {feature["name"]: feature for feature in check_features(features)}
        for wanted in ("user", "item"):
            if by_name.get(wanted, {}).get("kind") != "categorical":
                raise ValueError(f"BiasedMF needs the categorical features 'user' and 'item', got {list(by_name)}.")
        read = [by_name["user"], by_name["item"]]

        # === Layers ===
        policy = keras.dtype_policies.get(dtype)
        factors, biases = {}, {}
        for place, feature in enumerate(read):
            start = keras.initializers.RandomNormal(0, 0.05, None if seed is None else seed + place)
            of = feature["name"]
            factors[of] = keras.layers.Embedding(
                feature["size"], embedding_dim, start, dtype=policy, name=f"{of}_factors"
            )
            biases[of] = keras.layers.Embedding(feature["size"], 1, "zeros", dtype="float32", name=f"{of}_bias")
        of_factors = keras.layers.ActivityRegularization(l2=embedding_l2, dtype="float32", name="factors_l2")
        of_biases = keras.layers.ActivityRegularization(l2=bias_l2, dtype="float32", name="bias_l2")
        drop = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="drop")
        start = keras.initializers.Constant(output_bias)
        mean = keras.layers.Embedding(1, 1, start, dtype="float32", name="mean")

        # === Functional graph ===
        inputs = feature_inputs(read)
        vectors = {of: factors[of](inputs[of]) for of in factors}
        shifts = of_biases(ops.concatenate([biases[of](inputs[of]) for of in biases], axis=-1))
        both = of_factors(ops.cast(ops.concatenate(list(vectors.values()), axis=-1), "float32"))
        product = drop(both[:, :embedding_dim] * both[:, embedding_dim:])
        terms = ops.concatenate([ops.cast(product, "float32"), shifts], axis=-1)
        outputs = mean(ops.zeros_like(inputs["user"])) + ops.sum(terms, axis=-1, keepdims=True)
        super().__init__(inputs, outputs, task, rating_range, name=name, **kwargs)

        # === Config ===
        self.features = [dict(feature) for feature in features]
        self.embedding_dim = embedding_dim
        self.embedding_l2 = embedding_l2
        self.bias_l2 = bias_l2
        self.dropout = dropout
        self.output_bias = output_bias
        self.seed = seed
        self.dtype_policy = policy
