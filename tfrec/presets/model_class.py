"""The class of a preset's model: one of tfrec, or one of your own that is registered with Keras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfrec.data import FeatureSpec
from tfrec.errors import InputError
from tfrec.models import Recommender


def class_of(path: Path, config: Mapping[str, Any]) -> type[Recommender]:
    """The class that a config.json names.

    It is looked up among the classes that are registered in this process. Nothing is imported: a file that somebody
    sent must not decide which code runs.

    Args:
        path: of the file, for the error.
        config: its content.

    Raises:
        InputError: where the class is not registered, or is no model of tfrec's kind.
    """
    name, module = config.get("registered_name"), config.get("module")
    if not isinstance(name, str) or not isinstance(config.get("config"), dict):
        raise InputError(f"{path} names no class and its arguments, so it describes no tfrec model.")
    found = keras.saving.get_registered_object(name)
    if isinstance(found, type) and issubclass(found, Recommender):
        return found
    if found is not None or ">" not in name or name.startswith(("tfrec>", "keras>", "builtins>")):
        raise InputError(f"{path} names {name!r}, which is no tfrec model.")
    known = module if isinstance(module, str) and module.replace(".", "").isidentifier() else None
    known = None if known == "__main__" else known
    raise InputError(
        f"{path} names {name!r}, a class that is not known here. Import the module that defines it first"
        + (f" (when it was saved: {known})" if known else "")
        + f": in Python before tfrec.presets.load, on the command line with --import {known or 'MODULE'}."
    )


def check_registered(kind: type[Recommender]) -> None:
    """Raise `InputError` where a preset of this class could not be loaded again."""
    name = keras.saving.get_registered_name(kind)
    if keras.saving.get_registered_object(name) is not kind:
        raise InputError(
            f"{kind.__name__} is not registered with Keras, so a preset of it could not be loaded: put "
            f'@keras.saving.register_keras_serializable("my_package") above the class.'
        )


def copy_of(model: Recommender, spec: FeatureSpec) -> Recommender:
    """A model of the same class, arguments and weights, never compiled.

    Raises:
        InputError: where the config of a class of one's own does not make the model again.
    """
    kind = type(model).__name__
    try:
        twin = type(model).from_config(model.get_config())
        build(twin, spec)
        twin.set_weights(model.get_weights())
    except Exception as error:
        raise InputError(
            f"The config of {kind} does not make the model again: {error}. Its constructor's arguments must be "
            "attributes of the same name, or stand in get_config."
        ) from error
    return twin


def build(model: Recommender, spec: FeatureSpec) -> None:
    """Let a model make its weights, where it waits for its first call to do so."""
    if not model.built:
        history = np.zeros((1, min(2, spec.max_length)), "int32")
        given = {"timestamps": history.astype("int64"), "user": np.zeros(1, "int32")}
        model({name: given.get(name, history) for name in model.input_names})
