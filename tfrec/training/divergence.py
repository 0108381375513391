"""Stop a run that cannot end well: its loss is not finite, or its validation lacks the metric of the best epoch."""

from __future__ import annotations

import math
from typing import Any

import keras

from tfrec.errors import InputError


class StopOnDivergence(keras.callbacks.Callback):
    """Stops a run after an epoch whose loss is not finite, or whose validation lacks the monitored metric.

    From then on the weights are useless, but validation metrics would still have values and look like slow learning.
    This callback must come before the one that saves the state of the run, so that no such state is saved.

    Args:
        monitor: name of the metric that chooses the best epoch. A run without it would have no best epoch.

    Raises:
        InputError: from `fit`; the text says what to do.
    """

    def __init__(self, monitor: str) -> None:
        super().__init__()
        self.monitor = monitor

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Check the loss, and that the validation metrics include the monitored one."""
        if self.monitor not in (logs or {}):
            raise InputError(
                f"The validation metrics lack {self.monitor}, which is needed to choose the best epoch. If the model "
                "overrides compute_loss, it must have the argument `training` and pass it to super().compute_loss."
            )
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise InputError(
                f"The training has diverged: the loss of epoch {epoch + 1} is {loss}. Lower the learning rate of the "
                "recipe's optimizer, or limit the gradients there with clipnorm = 1.0."
            )
