"""A gate that gives each expert a weight, per row."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import check_size


@keras.saving.register_keras_serializable(package="tfrec")
class ExpertGate(keras.layers.Layer):
    """Additive attention of the state of a row over the outputs of its experts.

    `w = softmax_n ( v . tanh(Ws s + Wx x_n + b_n) + c_n )`

    Each expert has its own b and c in addition to the shared maps, so the state alone, for instance the count of an
    item, can decide the weights.

    Args:
        inner_dim: width of the space where state and experts are added; None means the width D of the experts.
        seed: seed of the initial weights.

    Shapes:
        state (B, S), experts (B, N, D); weights (B, N) float32, which sum to one.

    Reference:
        Bahdanau et al., "Neural Machine Translation by Jointly Learning to Align and Translate", ICLR 2015, arXiv
        1409.0473, for the attention; Jacobs et al., "Adaptive Mixtures of Local Experts", Neural Computation 1991, for
        a gate over experts. The b and c of each expert are ours.

    Example:
        >>> import numpy as np
        >>> weights = ExpertGate()(np.ones((3, 5), "float32"), np.ones((3, 2, 4), "float32"))
        >>> weights.shape
        TensorShape([3, 2])
    """

    def __init__(self, inner_dim: int | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner_dim = check_size("inner_dim", inner_dim, optional=True)
        self.seed = seed

    def build(self, state_shape: tuple[int | None, ...], experts_shape: tuple[int | None, ...]) -> None:
        number, width = experts_shape[1:]
        inner = self.inner_dim or width

        def start(place: int) -> keras.initializers.Initializer:
            return keras.initializers.GlorotUniform(None if self.seed is None else self.seed + place)

        self.state_map = self.add_weight(name="state_map", shape=(state_shape[-1], inner), initializer=start(1))
        self.expert_map = self.add_weight(name="expert_map", shape=(width, inner), initializer=start(2))
        self.bias = self.add_weight(name="bias", shape=(number, inner), initializer=start(3))
        self.vector = self.add_weight(name="vector", shape=(inner, 1), initializer=start(4))
        self.start = self.add_weight(name="start", shape=(number,), initializer="zeros")

    def call(self, state: Any, experts: Any) -> Any:
        state_map, expert_map, bias, vector = (
            ops.cast(weight, self.compute_dtype) for weight in (self.state_map, self.expert_map, self.bias, self.vector)
        )
        together = ops.expand_dims(ops.matmul(state, state_map), 1) + ops.matmul(experts, expert_map) + bias
        scores = ops.squeeze(ops.matmul(ops.tanh(together), vector), -1)
        return ops.softmax(ops.cast(scores, "float32") + ops.cast(self.start, "float32"), axis=-1)

    def compute_output_spec(self, state: Any, experts: Any) -> Any:
        return keras.KerasTensor(experts.shape[:2], "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner_dim": self.inner_dim, "seed": self.seed}
