"""Attention pooling over the products of all pairs of features."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.ops import check_size, pair_products


@keras.saving.register_keras_serializable(package="tfrec")
class AttentionalPairPooling(AttentionScores):
    """The weighted mean of the products of all pairs of features, with attention weights computed from the products.

    ```
    p_ij = x_i * x_j, i < j;  a_ij = softmax_ij(h . relu(W p_ij + b));  y = sum_ij a_ij p_ij
    ```

    It costs B x F^2 / 2 x D x attention_dim multiplications. The softmax is computed in float32.

    Args:
        attention_dim: width of b and h.
        attention_l2: weight of the squared entries of W in the loss.
        seed: seed of the initial weights.

    Shapes:
        input (B, F, D) with F at least 2; output (B, D), and with `return_attention_scores` also the weights (B, F
        (F - 1) / 2) float32 in the order of `tfrec.ops.feature_pairs`.

    Raises:
        ValueError: if there are fewer than two features.

    Reference:
        Xiao et al., "Attentional Factorization Machines: Learning the Weight of Feature Interactions via Attention
        Networks", IJCAI 2017, arXiv 1708.04617, equations 4 and 5.

    Example:
        >>> import numpy as np
        >>> layer = AttentionalPairPooling(attention_dim=4)
        >>> outputs, weights = layer(np.ones((1, 5, 3), "float32"), return_attention_scores=True)
        >>> outputs.shape, weights.shape
        (TensorShape([1, 3]), TensorShape([1, 10]))
    """

    always_returned_scores = True

    def __init__(
        self, attention_dim: int = 16, attention_l2: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.attention_dim = check_size("attention_dim", attention_dim)
        self.attention_l2 = attention_l2
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if input_shape[1] is None or input_shape[1] < 2:
            raise ValueError(f"Expected a static number of at least two features, got {input_shape[1]}.")
        first, second = (None if self.seed is None else self.seed + 104729 * i for i in (1, 2))
        self.hidden_map = keras.layers.Dense(
            self.attention_dim,
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(first),
            kernel_regularizer=keras.regularizers.L2(self.attention_l2) if self.attention_l2 else None,
            dtype=self.dtype_policy,
            name="hidden_map",
        )
        self.hidden_map.build((None, None, input_shape[-1]))
        self.score_map = keras.layers.Dense(
            1,
            use_bias=False,
            kernel_initializer=keras.initializers.GlorotUniform(second),
            dtype=self.dtype_policy,
            name="score_map",
        )
        self.score_map.build((None, None, self.attention_dim))

    def call(self, inputs: Any, *, return_attention_scores: bool = False) -> Any:
        products = pair_products(inputs)
        scores = ops.squeeze(self.score_map(self.hidden_map(products)), axis=-1)
        weights = ops.softmax(ops.cast(scores, "float32"), axis=-1)
        row = ops.expand_dims(ops.cast(weights, self.compute_dtype), 1)
        return self.with_scores(ops.squeeze(ops.matmul(row, products), axis=1), weights, return_attention_scores)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape[0], input_shape[2]

    def get_config(self) -> dict[str, Any]:
        own = {"attention_dim": self.attention_dim, "attention_l2": self.attention_l2, "seed": self.seed}
        return {**super().get_config(), **own}
