"""Stop a run whose loss is no longer finite."""

from __future__ import annotations

import math
from typing import Any

import keras

from tfrec.errors import InputError


class StopOnDivergence(keras.callbacks.Callback):
    """Stops a run after an epoch whose loss is not finite.

    From then on the weights are useless, but validation metrics would still have values and look like slow learning.
    This callback must come before the one that saves the state of the run, so that no such state is saved.

    Raises:
        InputError: from `fit`; the text says what to do.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Check the loss."""
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise InputError(
                f"The training has diverged: the loss of epoch {epoch + 1} is {loss}. Lower the learning rate of the "
                "recipe's optimizer, or limit the gradients there with clipnorm = 1.0."
            )
