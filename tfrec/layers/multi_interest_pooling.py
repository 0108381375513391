"""Multi-interest attention pooling of a sequence up to each position."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_length, check_size

_NEVER = -1e30  # a logit far below any real one; the sum of two is still finite


@keras.saving.register_keras_serializable(package="tfrec")
class MultiInterestPooling(AttentionScores, MaskedLayer):
    """At each position, K attention-pooled vectors of the history up to that position.

    ```
    a[k, l, j] = w2[k] . tanh(W1 h[j] + b1) + P[k, l - j]          P counted from the query's position
    y[l, k] = sum_{j <= l} softmax_j(a[k, l, j]) h[j]
    ```

    So `y[l]` equals the last `y` of a history that is cut after l: training at all positions computes the same function
    as inference. No position attends to padding; the output at padding is zero.

    The weights have size B x K x L x L, like those of a self-attention with K heads.

    Args:
        num_interests: K.
        max_length: the longest sequence, and the number of columns of P.
        attention_dim: rows of W1; None means 4 D, as in the authors' code.

    Shapes:
        inputs (B, L, D) with L at most `max_length`, padding_mask (B, L) bool with True at real positions; output
        (B, L, K, D), and with `return_attention_scores` also the weights (B, L, K, L) float32.

    Raises:
        ValueError: if L is known and greater than `max_length`.

    Reference:
        Cen et al., "Controllable Multi-Interest Framework for Recommendation", KDD 2020, arXiv 2005.09347, section 3.1
        (ComiRec-SA), after Lin et al., "A Structured Self-attentive Sentence Embedding", ICLR 2017, arXiv 1703.03130.
        In the paper the positions of a fixed window are added to h inside the tanh, and a history is pooled once, at
        its end. Positions relative to the query inside the tanh would need (L, L, 4 D) values per row; as a bias of the
        logits they need (L, L).

    Example:
        >>> import numpy as np
        >>> pool = MultiInterestPooling(num_interests=2, max_length=5)
        >>> pool(np.zeros((1, 3, 4), "float32"), np.array([[False, True, True]])).shape
        TensorShape([1, 3, 2, 4])
    """

    masked_by = ("inputs", 0)
    mask_place = 1

    def __init__(self, num_interests: int, max_length: int, attention_dim: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_interests = check_size("num_interests", num_interests)
        self.max_length = check_size("max_length", max_length)
        self.attention_dim = check_size("attention_dim", attention_dim, optional=True)

    def build(self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None) -> None:
        inner = self.attention_dim or 4 * inputs_shape[-1]
        self.hidden = keras.layers.Dense(inner, activation="tanh", dtype=self.dtype_policy, name="hidden")
        self.hidden.build(inputs_shape)
        self.logits = keras.layers.Dense(self.num_interests, use_bias=False, dtype=self.dtype_policy, name="logits")
        self.logits.build((*inputs_shape[:-1], inner))
        # Added to logits in float32, even if the layer computes in half precision.
        shape = (self.num_interests, self.max_length)
        self.recency = self.add_weight(
            name="recency", shape=shape, initializer="zeros", dtype="float32", autocast=False
        )

    def call(self, inputs: Any, padding_mask: Any = None, *, return_attention_scores: bool = False) -> Any:
        check_length(inputs.shape[1], self.max_length)
        batch, length, width = ops.shape(inputs)[0], ops.shape(inputs)[1], inputs.shape[-1]
        # In float32, minus the maximum of each row, so no logit is too large.
        logits = ops.cast(ops.transpose(self.logits(self.hidden(inputs)), (0, 2, 1)), "float32")
        logits = ops.where(ops.expand_dims(padding_mask, 1), logits, _NEVER)
        place = ops.arange(length, dtype="int32")
        distance = ops.expand_dims(place, 1) - place
        recency = ops.take(ops.convert_to_tensor(self.recency), ops.maximum(distance, 0), axis=1)
        recency = ops.transpose(ops.where(distance >= 0, recency, _NEVER), (1, 0, 2))
        shares = ops.softmax(ops.expand_dims(logits, 1) + recency, axis=-1)  # (B, L, K, L)
        # One matrix product per row, whose result already has the layout of the output.
        rows = ops.reshape(ops.cast(shares, inputs.dtype), (batch, length * self.num_interests, length))
        pooled = ops.reshape(ops.matmul(rows, inputs), (batch, length, self.num_interests, width))
        pooled = pooled * ops.cast(ops.expand_dims(padding_mask, (2, 3)), pooled.dtype)
        return self.with_scores(pooled, shares, return_attention_scores)

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (*inputs_shape[:-1], self.num_interests, inputs_shape[-1])

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_interests": self.num_interests,
            "max_length": self.max_length,
            "attention_dim": self.attention_dim,
        }
        return {**super().get_config(), **own}
