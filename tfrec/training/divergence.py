"""A run whose loss is no longer a number ends at once."""

from __future__ import annotations

import math
from typing import Any

import keras

from tfrec.errors import InputError


class StopOnDivergence(keras.callbacks.Callback):
    """Ends a run after an epoch whose loss is not finite.

    From there on no weight means anything, while a validation metric would still rank something and look like a model
    that learns slowly. It stands before the callback that keeps the run's state, so that none of this is kept.

    Raises:
        InputError: from `fit`, with what can be done.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the loss."""
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise InputError(
                f"The training has diverged: the loss of epoch {epoch + 1} is {loss}. Lower the learning rate of the "
                "recipe's optimizer, or limit the gradients there with clipnorm = 1.0."
            )
