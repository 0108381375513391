"""Check the losses passed to `compile`: a loss that reads logits as probabilities would train on wrong values."""

from collections.abc import Mapping
from typing import Any

import keras

from tfrec.losses import ItemLoss

_RETRIEVAL = {"SparseCategoricalCrossentropy"}
_CLICKS = {"BinaryCrossentropy", "BinaryFocalCrossentropy"}
_RATINGS = {
    *("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError"),
    *("Huber", "LogCosh"),
}
_BY_SHAPE = ("crossentropy", "ce")  # Keras resolves these two by the output shape


def retrieval_loss(loss: Any, loss_weights: Any) -> tuple[Any, Any]:
    """The loss of a retrieval model and its weight, from the arguments of `compile`.

    The name, class or function of a cross-entropy means the loss on logits. Instances that expect probabilities are
    rejected, and so are all other Keras losses.

    Args:
        loss: a loss, its name, or a list or dict that holds one. Custom losses are used unchanged.
        loss_weights: as in Keras, for losses of Keras.

    Raises:
        ValueError: if the loss does not compare logits over all ids with the id of the target.
    """
    advice = (
        "Its targets are item ids and its scores are logits: use tfrec.losses.FullSoftmax() or another loss of "
        "tfrec.losses, or keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
    )
    loss, loss_weights = _only_one(loss, loss_weights)
    if isinstance(loss, type) and issubclass(loss, ItemLoss):
        loss = loss()
    if isinstance(loss, ItemLoss):
        if loss_weights not in (None, 1, 1.0):
            raise ValueError(f"{type(loss).__name__} does not support loss_weights, got {loss_weights!r}: omit them.")
        return loss, None
    if loss in _BY_SHAPE:
        loss = "sparse_categorical_crossentropy"
    return _on_logits(loss, _RETRIEVAL, "a retrieval model", advice), loss_weights


def ranking_loss(loss: Any, loss_weights: Any, task: str) -> tuple[Any, Any]:
    """The loss of a ranking model and its weight, from the arguments of `compile`; see `retrieval_loss`.

    Raises:
        ValueError: if the loss is neither a click loss on logits nor a regression loss.
    """
    loss, loss_weights = _only_one(loss, loss_weights)
    if isinstance(loss, ItemLoss) or (isinstance(loss, type) and issubclass(loss, ItemLoss)):
        raise ValueError(f"{_name_of(loss)} compares queries with an item table, which a ranking model does not have.")
    if task == "click":
        advice = "Its outputs are click logits: use keras.losses.BinaryCrossentropy(from_logits=True)"
        loss = "binary_crossentropy" if loss in _BY_SHAPE else loss
        return _on_logits(loss, _CLICKS, "a ranking model of clicks", advice), loss_weights
    advice = "Its outputs are ratings: use keras.losses.MeanSquaredError() or another regression loss"
    return _on_logits(loss, _RATINGS, "a ranking model of ratings", advice), loss_weights


def _only_one(loss: Any, loss_weights: Any) -> tuple[Any, Any]:
    """Unwrap a list or dict with one entry; a dict that is a loss config is returned unchanged."""
    if isinstance(loss, Mapping) and "class_name" in loss:
        loss = keras.losses.get(loss)
    found = []
    for what, name in ((loss, "loss"), (loss_weights, "loss_weights")):
        entries = list(what.values()) if isinstance(what, Mapping) else what
        if isinstance(entries, list | tuple):
            if len(entries) != 1:
                raise ValueError(f"The model has one output and takes one {name}, got {len(entries)}.")
            [what] = entries
        found.append(what)
    return found[0], found[1]


def _on_logits(loss: Any, allowed: set[str], model: str, advice: str) -> Any:
    if loss is None:
        return None
    found = keras.losses.get(loss) if isinstance(loss, str) else loss
    kind = _class_of(found)
    of_peer = (found if isinstance(found, type) else type(found)).__module__.startswith("keras_rs.")
    if of_peer or (kind is not None and kind.__name__ not in allowed):
        raise ValueError(f"{_name_of(found)} is not a loss of {model}. {advice}.")
    if kind is None or kind.__name__ not in _RETRIEVAL | _CLICKS:
        return found() if isinstance(found, type) else found
    if isinstance(loss, type):
        return loss(from_logits=True)
    if isinstance(loss, str) or _is_function_of_keras(loss):
        return kind(from_logits=True)
    if not found.from_logits:
        raise ValueError(f"{_name_of(found)} with from_logits=False would misread the logits of {model}. {advice}.")
    return found


def _class_of(loss: Any) -> type | None:
    """The Keras class of an instance, subclass, class or function; None for custom losses."""
    if _is_function_of_keras(loss):
        return getattr(keras.losses, _camel(loss.__name__), None)
    ours = [keras.losses.Loss]
    kinds = loss.__mro__ if isinstance(loss, type) else type(loss).__mro__
    return next((kind for kind in kinds if kind not in ours and getattr(keras.losses, kind.__name__, 0) is kind), None)


def _is_function_of_keras(loss: Any) -> bool:
    name = getattr(loss, "__name__", None)
    return not isinstance(loss, type) and name is not None and getattr(keras.losses, name, None) is loss


def _camel(name: str) -> str:
    camel = "".join(part.capitalize() for part in name.split("_"))
    return {"KlDivergence": "KLDivergence", "Ctc": "CTC"}.get(camel, camel)


def _name_of(loss: Any) -> str:
    return getattr(loss, "__name__", type(loss).__name__)
