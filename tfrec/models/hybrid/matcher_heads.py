"""The heads of AttentionMatcher, which compute one number from the vectors of a match."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.layers import MLP, ResidualMLP

HEADS = ("linear", "dense", "skip", "residual", "sigmoid")


def check_head(head: str, task: str, rating_range: Sequence[float] | None) -> None:
    """Raise `ValueError` if the head is unknown, or if it is "sigmoid" and there is no rating range.

    Example:
        >>> check_head("sigmoid", "click", None)
        Traceback (most recent call last):
        ValueError: head="sigmoid" keeps ratings within rating_range: it needs task="rating" and a rating_range. Use \
head="dense" for clicks; score() already turns their logits into probabilities.
    """
    if head not in HEADS:
        raise ValueError(f"head must be one of {', '.join(HEADS)}, got {head!r}.")
    if head == "sigmoid" and (task != "rating" or rating_range is None):
        raise ValueError(
            'head="sigmoid" keeps ratings within rating_range: it needs task="rating" and a rating_range. Use '
            'head="dense" for clicks; score() already turns their logits into probabilities.'
        )


def head_output(
    head: str,
    match: Any,
    bias: Any,
    hidden_dims: Sequence[int],
    dropout: float,
    output_bias: float,
    rating_range: Sequence[float] | None,
    seed: int | None = None,
    dtype: Any = None,
) -> Any:
    """The output of a head, (B, 1) float32; see `AttentionMatcher` for the formulas.

    Args:
        head: one of `HEADS`.
        match: (B, W), the vectors of the match.
        bias: (B, 1) float32, the sum of the biases of the features.
        hidden_dims: widths of the hidden layers.
        dropout: rate in the network.
        output_bias: initial bias of the output.
        rating_range: (lowest, highest), for "sigmoid".
        seed: seed of the initial weights and of the dropout.
        dtype: dtype policy of the layers.
    """
    x = match
    if head == "residual":
        x = ResidualMLP(hidden_dims, dropout=dropout, seed=seed, dtype=dtype, name="residual")(x)
    elif head != "linear":
        deep = MLP(hidden_dims, dropout=dropout, seed=seed, dtype=dtype, name="deep")(x)
        x = ops.concatenate([x, deep], axis=-1) if head == "skip" else deep
    start = _logit(output_bias, rating_range) if head == "sigmoid" else output_bias
    score = keras.layers.Dense(
        1,
        # A tenth of Glorot's variance, so that the output of every head begins near its bias.
        kernel_initializer=keras.initializers.VarianceScaling(0.1, "fan_avg", "uniform", seed),
        bias_initializer=keras.initializers.Constant(start),
        dtype=dtype,
        name="score",
    )
    output = ops.cast(score(x), "float32") + bias
    if head != "sigmoid":
        return output
    lowest, highest = rating_range
    return lowest + (highest - lowest) * ops.sigmoid(output)


def _logit(rating: float, rating_range: Sequence[float]) -> float:
    """The logit of a rating's position in its range; 0, the middle, for ratings outside the range, such as 0."""
    lowest, highest = rating_range
    share = (rating - lowest) / (highest - lowest)
    return float(np.log(share / (1 - share))) if 0 < share < 1 else 0.0
