"""The class of a preset's model: a class of tfrec, or a user's class that is registered with Keras."""

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

    Only classes that are registered in this process are found. Nothing is imported, because a downloaded file must not
    decide which code runs.

    Args:
        path: path of the file, for error messages.
        config: content of the file.

    Raises:
        InputError: if the class is not registered, or is not a `Recommender`.
    """
    name, module = config.get("registered_name"), config.get("module")
    if not isinstance(name, str) or not isinstance(config.get("config"), dict):
        raise InputError(f"{path} has no class name and arguments, so it does not describe a tfrec model.")
    found = keras.saving.get_registered_object(name)
    if isinstance(found, type) and issubclass(found, Recommender):
        return found
    if found is not None or ">" not in name or name.startswith(("tfrec>", "keras>", "builtins>")):
        raise InputError(f"{path} names the class {name!r}, which is not a tfrec model.")
    known = module if isinstance(module, str) and module.replace(".", "").isidentifier() else None
    known = None if known == "__main__" else known
    raise InputError(
        f"{path} names the class {name!r}, which is not registered. Import the module that defines it first"
        + (f" (it was saved from {known})" if known else "")
        + f": in Python before tfrec.presets.load, on the command line with --import {known or 'MODULE'}."
    )


def check_registered(kind: type[Recommender]) -> None:
    """Raise `InputError` if a preset of this class could not be loaded again."""
    name = keras.saving.get_registered_name(kind)
    if keras.saving.get_registered_object(name) is not kind:
        raise InputError(
            f"{kind.__name__} is not registered with Keras, so a preset of it could not be loaded: put "
            f'@keras.saving.register_keras_serializable("my_package") above the class.'
        )


def copy_of(model: Recommender, spec: FeatureSpec) -> Recommender:
    """A new, uncompiled model of the same class, arguments and weights.

    Raises:
        InputError: if the config of a user's class does not rebuild the model.
    """
    kind = type(model).__name__
    try:
        twin = type(model).from_config(model.get_config())
        build(twin, spec)
        twin.set_weights(model.get_weights())
    except Exception as error:
        raise InputError(
            f"{kind} cannot be rebuilt from its config: {error}. Store each constructor argument as an attribute with "
            "the same name, or return it from get_config."
        ) from error
    return twin


def build(model: Recommender, spec: FeatureSpec) -> None:
    """Build the weights of a model that builds them on its first call."""
    if not model.built:
        history = np.zeros((1, min(2, spec.max_length)), "int32")
        given = {"timestamps": history.astype("int64"), "user": np.zeros(1, "int32")}
        model({name: given.get(name, history) for name in model.input_names})
