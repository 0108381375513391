"""Dice, an activation that adapts to the distribution of its inputs."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfrec")
class Dice(keras.layers.Layer):
    """Data adaptive activation: a PReLU with a smooth transition at the mean of its inputs.

    ```
    p = sigmoid((x - mean) / sqrt(var + epsilon));  y = p x + (1 - p) alpha x
    ```

    Mean and variance are computed per channel. In training they are taken over the batch and the positions, without
    padding. Inference uses their moving averages: `m <- momentum m + (1 - momentum) mean`. Each channel has its own
    learned alpha.

    Args:
        momentum: momentum of the moving averages.
        epsilon: added to the variance.

    Shapes:
        inputs (B, U) or (B, L, U), padding_mask None or (B, L) bool with True at real positions; output like inputs.

    Reference:
        Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv 1706.06978, equation 5.
        The paper does not give the initial alpha; it is 0, as in the authors' code.

    Example:
        >>> import numpy as np
        >>> Dice()(np.array([[-1.0, 2.0]], "float32")).shape
        TensorShape([1, 2])
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None) -> None:
        shape = (inputs_shape[-1],)
        self.alpha = self.add_weight(name="alpha", shape=shape, initializer="zeros")
        # float32 under every policy: small updates of an average vanish in half precision.
        averages = {"shape": shape, "trainable": False, "dtype": "float32", "autocast": False}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **averages)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **averages)

    def call(self, inputs: Any, padding_mask: Any = None, training: bool | None = None) -> Any:
        exact = ops.cast(inputs, "float32")
        if training:
            mean, variance = self._moments(exact, padding_mask)
        else:
            mean, variance = ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
        share = ops.sigmoid((exact - mean) * ops.rsqrt(variance + self.epsilon))
        alpha = ops.convert_to_tensor(self.alpha)
        return inputs * (alpha + (1.0 - alpha) * ops.cast(share, self.compute_dtype))

    def _moments(self, inputs: Any, padding_mask: Any) -> tuple[Any, Any]:
        """Mean and variance over the real positions of this batch; also updates the moving averages."""
        flat = ops.reshape(inputs, (-1, inputs.shape[-1]))
        if padding_mask is None:
            is_real = ops.ones_like(flat[:, :1])
        else:
            is_real = ops.cast(ops.reshape(padding_mask, (-1, 1)), "float32")
        count = ops.sum(is_real)
        weights = ops.transpose(is_real) / ops.maximum(count, 1.0)
        mean = ops.matmul(weights, flat)[0]
        variance = ops.matmul(weights, ops.square(flat - mean))[0]
        rate = ops.where(count > 0, 1.0 - self.momentum, 0.0)  # skip batches of empty histories
        for average, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average + rate * (ops.stop_gradient(found) - average))
        return mean, variance

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}
