"""A model that sees the whole row at each position, and so may only be asked for items that are hidden."""

from collections.abc import Callable
from typing import Any

from keras import ops

from tfrec.models.sequential.sequence_model import SequenceModel

_ASKS = "asks for hidden items"  # in the logs of a step, until `_checked` takes it out


class MaskedItemModel(SequenceModel):
    """A model of `masked_item` training, which refuses batches whose targets it could read off.

    With a target at every position, as `tfrec.data.sequences` gives them, a model that attends both ways learns to copy
    the next item. No loss shows it. What a batch holds is known in the graph alone, and a graph cannot raise on every
    backend: so a step says beside its loss whether it saw a mask, and the first step of each epoch is held to it.

    A subclass sets `mask_id`.
    """

    objective = "masked-item"
    mask_id: int

    def reset_metrics(self) -> None:
        """At the beginning of an epoch."""
        super().reset_metrics()
        self._is_checked = False

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The metrics, and in training on a target at every position whether any position is hidden."""
        found = super().compute_metrics(x, y, y_pred, sample_weight)
        if self._is_training and len(y.shape) == 2 and y.shape[1] != 1:
            found = {**found, _ASKS: ops.cast(ops.any(ops.equal(x["history"], self.mask_id)), "float32")}
        return found

    def make_train_function(self, force: bool = False) -> None:
        """As in Keras, with the check around it."""
        if force or self.train_function is None:
            super().make_train_function(force)
            self.train_function = self._checked(self.train_function)

    def _checked(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*args: Any) -> Any:
            done = step(*args)
            logs = done if isinstance(done, dict) else done[0]  # JAX gives a state, too
            asks = logs.pop(_ASKS, None)
            if not self._is_checked and asks is not None and not float(ops.max(asks)):
                raise ValueError(
                    f"{type(self).__name__} sees the whole row, and this batch has targets at all positions but no "
                    f"mask (id {self.mask_id}) in its history: the model would learn to copy the targets. Train on "
                    "tfrec.data.masked_items(batches, model.mask_id), or pass one target per row."
                )
            self._is_checked = True
            return done

        return checked
