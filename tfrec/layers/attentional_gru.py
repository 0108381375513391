"""A GRU whose update gate is scaled by attention weights."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfrec")
class AttentionalGRU(keras.layers.Layer):
    """GRU with attentional update gate (AUGRU).

    ```
    u = sigmoid(x_l Wu + h Uu + bu);  r = sigmoid(x_l Wr + h Ur + br);  c = tanh(x_l Wc + r * (h Uc) + bc)
    h <- (1 - a_l u) h + a_l u c;     h = 0 before the first step
    ```

    If the weight a_l is 0, the state does not change, so padding needs either a weight of 0 or a mask. With weights of
    1 at all real positions, this is a plain GRU.

    The inputs of all steps are projected in one product; each step then is one (B, D) x (D, 3 D) product.

    Args:
        units: D, width of the state.
        return_sequences: whether to return the states after all steps, or only the last one.
        seed: seed of the initial weights.

    Shapes:
        inputs (B, L, W), weights (B, L) float, mask (B, L) bool with True at real positions; without it, the Keras mask
        of the inputs is used, if there is one. Output (B, L, D), or (B, D) without `return_sequences`.

    Reference:
        Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction", AAAI 2019, arXiv 1809.03672,
        equations 2 to 5 and 9 to 11.

    Example:
        >>> import numpy as np
        >>> AttentionalGRU(4)(np.ones((1, 3, 2), "float32"), np.array([[0.0, 0.2, 0.8]], "float32")).shape
        TensorShape([1, 4])
    """

    def __init__(self, units: int, return_sequences: bool = False, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.units = units
        self.return_sequences = return_sequences
        self.seed = seed

    def __call__(self, inputs: Any, weights: Any, mask: Any = None, **kwargs: Any) -> Any:
        """As in Keras; without `mask`, the Keras mask of the inputs is used."""
        mask = getattr(inputs, "_keras_mask", None) if mask is None else mask
        return super().__call__(inputs, weights, mask=mask, **kwargs)

    def build(self, inputs_shape: tuple[int | None, ...], weights_shape: Any = None, mask_shape: Any = None) -> None:
        start = keras.initializers.GlorotUniform(self.seed)
        self.input_map = keras.layers.Dense(
            3 * self.units, kernel_initializer=start, dtype=self.dtype_policy, name="input_map"
        )
        self.input_map.build(inputs_shape)
        step = _Step(self.units, self.seed, dtype=self.dtype_policy, name="step")
        self.loop = keras.layers.RNN(step, return_sequences=self.return_sequences, dtype=self.dtype_policy, name="loop")
        self.loop.build((None, None, 3 * self.units + 1))

    def call(self, inputs: Any, weights: Any, mask: Any = None) -> Any:
        weights = ops.cast(weights, self.compute_dtype)
        if mask is not None:
            weights = ops.where(mask, weights, 0.0)
        weights = ops.expand_dims(weights, -1)
        return self.loop(ops.concatenate([self.input_map(inputs), weights], axis=-1))

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], weights_shape: Any = None, mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (*inputs_shape[: 2 if self.return_sequences else 1], self.units)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return previous_mask if self.return_sequences else None

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "return_sequences": self.return_sequences, "seed": self.seed}
        return {**super().get_config(), **own}


class _Step(keras.layers.Layer):
    """The cell for `keras.layers.RNN`: from the projected inputs and the weight, (B, 3 D + 1), to the next state."""

    def __init__(self, units: int, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = units
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        start = keras.initializers.Orthogonal(seed=None if self.seed is None else self.seed + 1)
        self.state_map = self.add_weight(
            name="state_map", shape=(self.state_size, 3 * self.state_size), initializer=start
        )

    def call(self, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        size, state = self.state_size, states[0]
        to_update, to_reset, to_change, weight = ops.split(inputs, [size, 2 * size, 3 * size], axis=-1)
        of_update, of_reset, of_change = ops.split(ops.matmul(state, self.state_map), 3, axis=-1)
        change = ops.tanh(to_change + ops.sigmoid(to_reset + of_reset) * of_change)
        state = state + weight * ops.sigmoid(to_update + of_update) * (change - state)
        return state, [state]
