"""Auxiliary loss on the states of a history: distinguish the next event from a sampled one."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.masked_layer import MaskedLayer
from tfrec.losses.next_event_cross_entropy import next_event_cross_entropy


@keras.saving.register_keras_serializable(package="tfrec")
class NextEventLoss(MaskedLayer):
    """Returns the states unchanged and, in training, adds a loss for predicting the next event from each of them.

    ```
    z(l, e) = (h_l M) . e
    loss = weight * mean over rows, mean over their pairs (l, l + 1):  -log sigmoid(z(l, e_{l+1})) - log(1 - sigmoid(z(l, n_{l+1})))
    ```

    n are the vectors of the sampled items. A pair counts if both positions are real. A row without pairs has loss 0 and
    is included in the mean, so the loss of a batch is the mean of the losses of its rows.

    Args:
        weight: weight of the loss.
        seed: seed of the initial M.

    Shapes:
        states (B, L, D), events and negatives (B, L, E), padding_mask (B, L) bool with True at real positions; output
        (B, L, D), the states.

    Reference:
        Zhou et al., "Deep Interest Evolution Network for Click-Through Rate Prediction", AAAI 2019, arXiv 1809.03672,
        equation 6. In the paper states and vectors have the same width, there is no M, and the pairs of a row are
        summed. The authors' code uses a small network in place of the product and takes the mean over all pairs.

    Example:
        >>> import numpy as np
        >>> layer, mask = NextEventLoss(weight=0.5), np.array([[False, True, True]])
        >>> states, events = np.zeros((1, 3, 2), "float32"), np.ones((1, 3, 4), "float32")
        >>> _ = layer(states, events, -events, mask, training=True)
        >>> round(float(layer.losses[0]), 4)  # twice log 2, for nothing known, times a half
        0.6931
    """  # noqa: E501  (a formula)

    masked_by = ("states", 0)
    mask_place = 3

    def __init__(self, weight: float = 1.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.seed = seed

    def build(
        self,
        states_shape: tuple[int | None, ...],
        events_shape: tuple[int | None, ...],
        negatives_shape: Any = None,
        padding_mask_shape: Any = None,
    ) -> None:
        start = keras.initializers.GlorotUniform(self.seed)
        self.map = self.add_weight(name="map", shape=(states_shape[-1], events_shape[-1]), initializer=start)

    def call(
        self, states: Any, events: Any, negatives: Any, padding_mask: Any = None, training: bool | None = None
    ) -> Any:
        if training:
            expected = ops.matmul(states, ops.cast(self.map, self.compute_dtype))
            self.add_loss(self.weight * next_event_cross_entropy(expected, events, negatives, padding_mask))
        return states

    def compute_output_shape(
        self,
        states_shape: tuple[int | None, ...],
        events_shape: Any = None,
        negatives_shape: Any = None,
        padding_mask_shape: Any = None,
    ) -> tuple[int | None, ...]:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight, "seed": self.seed}
