"""Attributes of the datasets of `tfrec.data`, which are also found after `take`, `map` and similar methods."""

import warnings
from typing import Any

HELD_BACK = "tfrec_held_back"  # attribute of datasets that were made from a holdout


def attribute_of(data: Any, name: str) -> Any:
    """The attribute of a dataset, or of the datasets that it was made from; None if there is none.

    Args:
        data: the data passed to `fit`.
        name: of the attribute.
    """
    waiting = [data]
    while waiting:
        one = waiting.pop()
        found = getattr(one, name, None)
        if found is not None:
            return found
        inputs = getattr(one, "_inputs", None)  # of a tf.data.Dataset
        if callable(inputs):
            waiting += inputs()
    return None


def warn_of_holdout(data: Any) -> None:
    """Warn if a model is about to be trained on the held-back rows of a split.

    Args:
        data: the first argument of `fit`.
    """
    if attribute_of(data, HELD_BACK):
        warnings.warn(
            "fit() got batches of a Holdout, the held-back rows of a split: the model learns what it will be measured "
            "on, so metrics on these rows are invalid. Train on batches of the split's train part, and pass those of a "
            "Holdout as validation_data.",
            stacklevel=3,
        )
