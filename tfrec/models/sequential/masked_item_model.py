"""Base class of models with bidirectional attention, which must be trained on masked items."""

from collections.abc import Callable
from typing import Any

from keras import ops

from tfrec.models.sequential.sequence_model import SequenceModel

_HAS_MASK = "batch has masks"  # key in the logs of a step, until `_checked` removes it


class MaskedItemModel(SequenceModel):
    """A model trained on masked items. It rejects batches whose targets are visible in the input.

    With a target at every position, as in `tfrec.data.sequences`, a model with bidirectional attention learns to copy
    the next item, and its loss looks good. The values of a batch are known only in the graph, and a graph cannot raise
    on every backend. So each step returns with its loss whether it saw a mask, and this is checked after the first step
    of each epoch.

    A subclass sets `mask_id`.
    """

    objective = "masked-item"
    mask_id: int

    def reset_metrics(self) -> None:
        """As in Keras, at the start of an epoch; also restarts the check."""
        super().reset_metrics()
        self._is_checked = False

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The metrics; in training with a target at every position, also whether any item is masked."""
        found = super().compute_metrics(x, y, y_pred, sample_weight)
        if self._is_training and len(y.shape) == 2 and y.shape[1] != 1:
            found = {**found, _HAS_MASK: ops.cast(ops.any(ops.equal(x["history"], self.mask_id)), "float32")}
        return found

    def make_train_function(self, force: bool = False) -> None:
        """As in Keras, with the check of the first step."""
        if force or self.train_function is None:
            super().make_train_function(force)
            self.train_function = self._checked(self.train_function)

    def _checked(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*args: Any) -> Any:
            done = step(*args)
            logs = done if isinstance(done, dict) else done[0]  # JAX returns its state, too
            asks = logs.pop(_HAS_MASK, None)
            if not self._is_checked and asks is not None and not float(ops.max(asks)):
                raise ValueError(
                    f"{type(self).__name__} attends to the whole row, but this batch has targets at all positions and "
                    f"no mask (id {self.mask_id}) in its history: the model would learn to copy the targets. Train on "
                    "tfrec.data.masked_items(batches, model.mask_id), or pass one target per row."
                )
            self._is_checked = True
            return done

        return checked
