"""Which losses `compile` takes: a loss that reads logits as probabilities would train on wrong numbers in silence."""

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
_BY_SHAPE = ("crossentropy", "ce")  # Keras resolves these two by the shapes of the outputs


def retrieval_loss(loss: Any, loss_weights: Any) -> tuple[Any, Any]:
    """The loss of a retrieval model, and its weight, from what `compile` was given.

    A name, a class or a function of a cross-entropy gives no choice between logits and probabilities, and means logits
    here. An instance that reads probabilities is refused, as is every other loss of Keras.

    Args:
        loss: a loss, its name, or a list or dict that holds one. Losses of the user's own are taken as they are.
        loss_weights: as in Keras, for losses of Keras.

    Raises:
        ValueError: if the loss does not compare logits over all ids with the id of the target.
    """
    advice = (
        "Its targets are item ids and its scores are logits: take tfrec.losses.FullSoftmax() or another loss of "
        "tfrec.losses, or keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
    )
    loss, loss_weights = _only_one(loss, loss_weights)
    if isinstance(loss, type) and issubclass(loss, ItemLoss):
        loss = loss()
    if isinstance(loss, ItemLoss):
        if loss_weights not in (None, 1, 1.0):
            raise ValueError(f"{type(loss).__name__} takes no loss_weights, got {loss_weights!r}: leave them out.")
        return loss, None
    if loss in _BY_SHAPE:
        loss = "sparse_categorical_crossentropy"
    return _on_logits(loss, _RETRIEVAL, "a retrieval model", advice), loss_weights


def ranking_loss(loss: Any, loss_weights: Any, task: str) -> tuple[Any, Any]:
    """The loss of a ranking model, and its weight, from what `compile` was given; as `retrieval_loss`.

    Raises:
        ValueError: if the loss is not one of clicks as logits, or of ratings.
    """
    loss, loss_weights = _only_one(loss, loss_weights)
    if isinstance(loss, ItemLoss) or (isinstance(loss, type) and issubclass(loss, ItemLoss)):
        raise ValueError(f"{_name_of(loss)} compares queries with an item table, which a ranking model does not have.")
    if task == "click":
        advice = "Its outputs are logits of a click: take keras.losses.BinaryCrossentropy(from_logits=True)"
        loss = "binary_crossentropy" if loss in _BY_SHAPE else loss
        return _on_logits(loss, _CLICKS, "a ranking model of clicks", advice), loss_weights
    advice = "Its outputs are the ratings: take keras.losses.MeanSquaredError() or another loss of regression"
    return _on_logits(loss, _RATINGS, "a ranking model of ratings", advice), loss_weights


def _only_one(loss: Any, loss_weights: Any) -> tuple[Any, Any]:
    """A list or dict with one entry stands for the entry; a dict that configures a loss is the loss."""
    if isinstance(loss, Mapping) and "class_name" in loss:
        loss = keras.losses.get(loss)
    found = []
    for what, name in ((loss, "loss"), (loss_weights, "loss_weights")):
        entries = list(what.values()) if isinstance(what, Mapping) else what
        if isinstance(entries, list | tuple):
            if len(entries) != 1:
                raise ValueError(f"The model has one output, hence one {name}: got {len(entries)}.")
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
        raise ValueError(f"{_name_of(found)} with from_logits=False reads the logits of {model} wrongly. {advice}.")
    return found


def _class_of(loss: Any) -> type | None:
    """The class of Keras behind an instance, a subclass, a class or a function; None for what is the user's own."""
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
