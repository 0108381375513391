"""The attention of NAIS: candidates attend to the items of a user."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_record import record
from tfrec.ops import check_size

PAIRINGS = ("product", "concatenation")


@keras.saving.register_keras_serializable(package="tfrec")
class ItemSimilarityAttention(keras.layers.Layer):
    """The similarity of candidates to the items of a user, weighted by attention with a smoothed normalisation.

    ```
    f(p, q) = h . relu(W [p * q] + b)            "product"
    f(p, q) = h . relu(W [p; q] + b)             "concatenation"
    a_j = exp f(p, q_j) / (sum over j of exp f(p, q_j))^beta
    s = sum over j of a_j (p . q_j)
    ```

    With beta = 1, a is a softmax: the weights sum to 1, so all weights of a long history are small. With a smaller
    beta, the sum of the weights grows with the length of the history.

    Args:
        units: width A of the hidden layer of f.
        beta: exponent of the normalisation, between 0 and 1.
        pairing: "product" or "concatenation".
        seed: seed of the initial weights.

    Shapes:
        candidates (B, C, D) or (1, C, D), history (B, L, D), mask (B, C, L) bool, True at the items that a candidate
        attends to; output (B, C). The recorded weights are (B, C, L), 0 outside the mask. Time and memory are
        proportional to B C L A.

    Raises:
        ValueError: if `units` is not a positive integer, `beta` is not between 0 and 1, or `pairing` is unknown.

    Reference:
        He et al., "NAIS: Neural Attentive Item Similarity Model for Recommendation", TKDE 2018, arXiv 1809.07053.

    Example:
        >>> import numpy as np
        >>> candidates, history = np.ones((1, 2, 4), "float32"), np.ones((1, 3, 4), "float32")
        >>> layer = ItemSimilarityAttention(8, beta=0.5)
        >>> layer(candidates, history, np.ones((1, 2, 3), bool)).shape
        TensorShape([1, 2])
    """

    def __init__(
        self, units: int = 16, beta: float = 0.5, pairing: str = "product", seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_size("units", units)
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must lie between 0 and 1, got {beta!r}.")
        if pairing not in PAIRINGS:
            raise ValueError(f"pairing must be one of {', '.join(PAIRINGS)}, got {pairing!r}.")
        self.beta = beta
        self.pairing = pairing
        self.seed = seed

    def build(self, candidates_shape: Any, history_shape: Any = None, mask_shape: Any = None) -> None:
        width = candidates_shape[-1]
        seeds = [None if self.seed is None else self.seed + 15485863 * (i + 1) for i in range(3)]
        glorot = keras.initializers.GlorotUniform
        self.kernel = self.add_weight(name="kernel", shape=(width, self.units), initializer=glorot(seeds[0]))
        if self.pairing == "concatenation":
            self.history_kernel = self.add_weight(
                name="history_kernel", shape=(width, self.units), initializer=glorot(seeds[1])
            )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.direction = self.add_weight(name="direction", shape=(self.units, 1), initializer=glorot(seeds[2]))
        self.built = True

    def call(self, candidates: Any, history: Any, mask: Any) -> Any:
        if self.pairing == "product":  # W [p * q] for each pair, without a vector of width D for each
            rows, count, width = ops.shape(candidates)
            maps = ops.expand_dims(ops.transpose(candidates, (0, 2, 1)), -1)  # (B or 1, D, C, 1)
            maps = maps * ops.expand_dims(ops.cast(self.kernel, candidates.dtype), 1)
            maps = ops.reshape(maps, (rows, width, count * self.units))
            hidden = ops.matmul(history, maps[0] if candidates.shape[0] == 1 else maps)
            hidden = ops.reshape(hidden, (*ops.shape(hidden)[:2], count, self.units))  # (B, L, C, A): no transposition
        else:
            of_candidates = ops.expand_dims(ops.matmul(candidates, ops.cast(self.kernel, candidates.dtype)), 1)
            of_history = ops.expand_dims(ops.matmul(history, ops.cast(self.history_kernel, history.dtype)), 2)
            hidden = of_candidates + of_history
        hidden = ops.relu(hidden + ops.cast(self.bias, hidden.dtype))
        scores = ops.squeeze(ops.matmul(hidden, ops.cast(self.direction, hidden.dtype)), -1)
        scores = ops.cast(ops.transpose(scores, (0, 2, 1)), "float32")
        # A finite value far below any score: -inf would give NaN where nothing is attended to.
        scores = ops.where(mask, scores, -1e9)
        weights = ops.exp(scores - self.beta * ops.logsumexp(scores, axis=-1, keepdims=True))
        weights = ops.where(mask, weights, 0.0)
        record(weights)
        if candidates.shape[0] == 1:
            products = ops.einsum("cd,bld->bcl", candidates[0], history)
        else:
            products = ops.einsum("bcd,bld->bcl", candidates, history)
        return ops.sum(ops.cast(weights, products.dtype) * products, axis=-1)

    def compute_output_shape(self, candidates_shape: Any, history_shape: Any = None, mask_shape: Any = None) -> Any:
        return (history_shape[0], candidates_shape[1])

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "beta": self.beta, "pairing": self.pairing, "seed": self.seed}
        return {**super().get_config(), **own}
