"""Expectation-maximisation pooling of a sequence up to each position."""

from typing import Any

import keras
from keras import ops

from tfrec.layers.attention_scores import AttentionScores
from tfrec.layers.masked_layer import MaskedLayer
from tfrec.ops import check_length, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class EMPooling(AttentionScores, MaskedLayer):
    """At each position, K cluster means of the history up to that position, found by expectation maximisation.

    ```
    mu[k] = learned initial means, all different; then in each round
    E:  r[j, k] = softmax_k(x[j] . mu[k] / tau)              0 at padding
    M:  mu[k] = sum_j r[j, k] x[j] / sum_j r[j, k]           over j <= l
    y[l, k] = mu[k] after the last round
    ```

    The weights of an event sum to 1 over the interests; in attention pooling, the weights of an interest sum to 1 over
    the events. `y[l]` equals the last `y` of a history that ends at l: training at all positions computes the same
    function as inference. The output at padding is zero. Gradients flow through all rounds.

    The weights have size B x K x L x L, like those of a self-attention with K heads, and are computed once per round.

    Args:
        num_interests: K.
        rounds: number of E and M steps.
        temperature: tau, above 0. With a high temperature, all means are close to the mean of the history.
        max_length: the longest sequence; None means no limit.
        seed: seed of the initial means.

    Shapes:
        inputs (B, L, D), padding_mask (B, L) bool with True at real positions; output (B, L, K, D), and with
        `return_attention_scores` also the weights of the last M step, r[j, k] / sum_j r[j, k], (B, L, K, L) float32.

    Raises:
        ValueError: if a size is invalid, `temperature` is not above 0, or L is known and greater than `max_length`.

    Reference:
        Li et al., "Expectation-Maximization Attention Networks for Semantic Segmentation", ICCV 2019, arXiv 1907.13426;
        Li et al., "Multi-Interest Network with Dynamic Routing for Recommendation at Tmall", CIKM 2019,
        arXiv 1904.08030, which also routes capsules in three rounds. EMANet normalises mu and updates the initial means
        by a running mean; MIND has random initial means per user, a shared bilinear map and a squash. Both pool only
        the whole sequence, not its prefixes.

    Example:
        >>> import numpy as np
        >>> x = np.array([[[9.0, 9.0], [4.0, 0.0], [0.0, 4.0], [4.0, 0.0]]], "float32")
        >>> EMPooling(num_interests=2, temperature=0.5)(x, np.array([[False, True, True, True]])).shape
        TensorShape([1, 4, 2, 2])
    """

    masked_by = ("inputs", 0)
    mask_place = 1

    def __init__(
        self,
        num_interests: int,
        rounds: int = 3,
        temperature: float = 1.0,
        max_length: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_interests = check_size("num_interests", num_interests)
        self.rounds = check_size("rounds", rounds)
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature must be a finite number above 0, got {temperature!r}.")
        self.temperature = temperature
        self.max_length = check_size("max_length", max_length, optional=True)
        self.seed = seed

    def build(self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None) -> None:
        # Equal starts would stay equal in every round.
        self.starts = self.add_weight(
            name="starts",
            shape=(self.num_interests, inputs_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=self.seed),
            dtype="float32",
            autocast=False,
        )

    def call(self, inputs: Any, padding_mask: Any = None, *, return_attention_scores: bool = False) -> Any:
        if self.max_length is not None:
            check_length(inputs.shape[1], self.max_length)
        batch, length, width = ops.shape(inputs)[0], ops.shape(inputs)[1], inputs.shape[-1]
        interests = self.num_interests
        x = ops.where(ops.expand_dims(padding_mask, -1), ops.cast(inputs, "float32"), 0.0)
        keys = ops.transpose(x, (0, 2, 1)) / self.temperature
        place = ops.arange(length, dtype="int32")
        is_past = ops.expand_dims(place, 1) >= place  # (L, L)
        seen = ops.logical_and(ops.expand_dims(is_past, 0), ops.expand_dims(padding_mask, 1))
        seen = ops.cast(ops.expand_dims(seen, 2), "float32")  # (B, L, 1, L)
        # The first E step is the same for all prefixes.
        logits = ops.expand_dims(ops.matmul(ops.convert_to_tensor(self.starts), keys), 1)  # (B, 1, K, L)
        for step in range(self.rounds):
            shares = ops.softmax(logits, axis=2) * seen
            total = ops.sum(shares, axis=-1, keepdims=True)
            weights = shares / ops.where(total > 0, total, 1.0)  # (B, L, K, L)
            means = ops.matmul(ops.reshape(weights, (batch, length * interests, length)), x)
            if step < self.rounds - 1:
                logits = ops.reshape(ops.matmul(means, keys), (batch, length, interests, length))
        pooled = ops.cast(ops.reshape(means, (batch, length, interests, width)), self.compute_dtype)
        pooled = pooled * ops.cast(ops.expand_dims(padding_mask, (2, 3)), pooled.dtype)
        return self.with_scores(pooled, weights, return_attention_scores)

    def compute_output_shape(
        self, inputs_shape: tuple[int | None, ...], padding_mask_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (*inputs_shape[:-1], self.num_interests, inputs_shape[-1])

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_interests": self.num_interests,
            "rounds": self.rounds,
            "temperature": self.temperature,
            "max_length": self.max_length,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
