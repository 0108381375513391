"""Concatenate sequences, with a learned vector that marks which sequence a position comes from."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfrec")
class SegmentEmbedding(keras.layers.Layer):
    """Concatenates sequences of vectors, and adds to each position a learned vector of its sequence.

    `y = [x_1 + s_1, x_2 + s_2, ...]`. Without the s, attention over y could not distinguish an item of the history from
    the same item as the candidate.

    Args:
        seed: seed of the initial vectors.

    Shapes:
        inputs: a list of (B, L_i, D); output (B, sum of L_i, D).

    Reference:
        The segment embeddings of Devlin et al., "BERT", NAACL 2019, arXiv 1810.04805.

    Example:
        >>> import numpy as np
        >>> SegmentEmbedding()([np.zeros((2, 3, 4), "float32"), np.zeros((2, 5, 4), "float32")]).shape
        TensorShape([2, 8, 4])
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed

    def build(self, input_shape: Sequence[tuple[int | None, ...]]) -> None:
        start = keras.initializers.RandomNormal(stddev=0.05, seed=self.seed)
        self.segments = self.add_weight(
            name="segments", shape=(len(input_shape), input_shape[0][-1]), initializer=start
        )

    def call(self, inputs: Sequence[Any]) -> Any:
        segments = ops.cast(self.segments, self.compute_dtype)
        return ops.concatenate([x + segments[i] for i, x in enumerate(inputs)], axis=1)

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        lengths = [shape[1] for shape in input_shape]
        return input_shape[0][0], None if None in lengths else sum(lengths), input_shape[0][-1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
