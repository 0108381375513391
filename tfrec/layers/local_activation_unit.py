"""Weights for the events of a history by their relevance to a candidate."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfrec.layers.dice import Dice
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_size, masked_softmax


@keras.saving.register_keras_serializable(package="tfrec")
class LocalActivationUnit(MaskedLayer):
    """Computes a weight for each event of a history, with a small network over event and candidate.

    ```
    x_1 = dice([q, k_l, q - k_l, q * k_l] W_1 + b_1);  x_i = dice(x_{i-1} W_i + b_i);  a_l = x_n . w + b
    ```

    Without a softmax the weights do not sum to 1 and may be negative: the more relevant events a history has, the
    larger is the weighted sum. Weights at padding are 0.

    The (B, L, 4 W) concatenation is never created. The part for `q - k` is linear in q and k and can be merged into
    their parts, so W_1 is stored as three maps, for q, k and q * k. The map of q is applied once per row, not once per
    event.

    Args:
        hidden_dims: U, widths of the hidden layers; at least one.
        softmax: whether to apply a softmax over the events.
        seed: seed of the initial weights.

    Shapes:
        query (B, W), keys (B, L, W), padding_mask (B, L) bool with True at events; output (B, L).

    Raises:
        ValueError: if `hidden_dims` is empty or holds a value that is not a positive integer.

    Reference:
        Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv 1706.06978, section 4.3.
        The paper uses [q, outer product, k] as input; the authors' code uses the input above. Their hidden layers have
        sigmoids in place of Dice, and their first map has four parts, of which the third is redundant: our three parts
        represent the same functions.

    Example:
        >>> import numpy as np
        >>> query, keys = np.ones((1, 4), "float32"), np.ones((1, 3, 4), "float32")
        >>> LocalActivationUnit([8])(query, keys, np.array([[False, True, True]])).shape
        TensorShape([1, 3])
    """

    masked_by = ("keys", 1)
    mask_place = 2

    def __init__(
        self, hidden_dims: Sequence[int] = (64, 32), softmax: bool = False, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dims = [check_size("Each of hidden_dims", width) for width in hidden_dims]
        if not self.hidden_dims:
            raise ValueError("hidden_dims must hold at least one width, got an empty list.")
        self.softmax = softmax
        self.seed = seed

    def build(
        self, query_shape: tuple[int | None, ...], keys_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> None:
        width, first = keys_shape[-1], self.hidden_dims[0]
        seeds = [
            None if self.seed is None else self.seed + 15485863 * (i + 1) for i in range(len(self.hidden_dims) + 3)
        ]
        # Initialized like the parts of one map of all three.
        reach = (6 / (3 * width + first)) ** 0.5
        self.query_map, self.key_map, self.product_map = (
            self.add_weight(
                name=name, shape=(width, first), initializer=keras.initializers.RandomUniform(-reach, reach, seed)
            )
            for name, seed in zip(("query_map", "key_map", "product_map"), seeds[:3], strict=True)
        )
        self.bias = self.add_weight(name="bias", shape=(first,), initializer="zeros")
        self.maps, self.bends = [], []
        wide = (None, None, first)
        for i, units in enumerate([*self.hidden_dims[1:], 1]):
            self.bends.append(Dice(dtype=self.dtype_policy, name=f"dice_{i}"))
            self.bends[-1].build(wide)
            start = keras.initializers.GlorotUniform(seeds[i + 3])
            name = "to_weight" if i == len(self.hidden_dims) - 1 else f"map_{i + 1}"
            self.maps.append(keras.layers.Dense(units, kernel_initializer=start, dtype=self.dtype_policy, name=name))
            self.maps[-1].build(wide)
            wide = (None, None, units)

    def call(self, query: Any, keys: Any, padding_mask: Any = None, training: bool | None = None) -> Any:
        of_query = ops.expand_dims(ops.matmul(query, self.query_map) + self.bias, 1)
        of_product = ops.matmul(keys * ops.expand_dims(query, 1), self.product_map)
        hidden = ops.matmul(keys, self.key_map) + of_product + of_query
        for bend, dense in zip(self.bends, self.maps, strict=True):
            hidden = dense(bend(hidden, padding_mask, training=training))
        weights = ops.squeeze(hidden, -1)
        if self.softmax:
            return masked_softmax(weights, padding_mask)
        return ops.where(padding_mask, weights, ops.zeros_like(weights))

    def compute_output_shape(
        self, query_shape: tuple[int | None, ...], keys_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return keys_shape[:2]

    def get_config(self) -> dict[str, Any]:
        own = {"hidden_dims": self.hidden_dims, "softmax": self.softmax, "seed": self.seed}
        return {**super().get_config(), **own}
