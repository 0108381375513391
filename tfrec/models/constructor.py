"""What the constructor of a model takes, and what it was called with: the config of a model follows from both."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_OF_THE_GRAPH = ("inputs", "outputs", "attention", "attention_labels")  # that a subclass hands to RankingModel


def arguments_of(kind: type) -> dict[str, inspect.Parameter]:
    """All that `kind(...)` takes by name: its own arguments, and those of its bases where it passes `**kwargs` on.

    Example:
        >>> class Base:
        ...     def __init__(self, width, rate=0.1): ...
        >>> class Wider(Base):
        ...     def __init__(self, height=1, **kwargs): ...
        >>> list(arguments_of(Wider))
        ['height', 'width', 'rate']
    """
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if base.__module__.startswith("keras."):
            break
        if "__init__" not in vars(base):
            continue
        parameters = _parameters(base)
        skipped = _OF_THE_GRAPH if base.__module__ == "tfrec.models.ranking_model" else ()
        own = {one.name: one for one in parameters if one.kind in _NAMED and one.name not in skipped}
        found |= {name: parameter for name, parameter in own.items() if name not in found}
        if not _takes_any(parameters):
            break
    return found


def takes(kind: type, name: str) -> bool:
    """Whether `kind(...)` takes an argument by this name, be it among its `**kwargs`."""
    parameters = _parameters(kind)
    return _takes_any(parameters) or any(one.name == name and one.kind in _NAMED for one in parameters)


def config_of(model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that make a model of the same class again.

    Those that its constructor names are its attributes of the same name. Those that it passes on, by `*args` and
    `**kwargs`, are what the caller gave: a base class may hold them under any name, or the subclass may fix some.

    Args:
        model: an instance.
        args: what its constructor was called with.
        kwargs: likewise.
    """
    parameters = _parameters(type(model))
    positional = [one.name for one in parameters if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    given = {**dict(zip(positional, args, strict=False)), **kwargs}
    own = [one for one in parameters if one.kind in _NAMED]
    config = {one.name: _own(model, one, given) for one in own}
    passed_on = {**_further(type(model), args[len(positional) :]), **kwargs}
    return config | {name: _plain(value) for name, value in passed_on.items() if name not in config}


def _own(model: Any, parameter: inspect.Parameter, given: Mapping[str, Any]) -> Any:
    name = parameter.name
    if name == "dtype":
        return keras.dtype_policies.serialize(model.dtype_policy)
    value = getattr(model, name, inspect.Parameter.empty)
    if value is inspect.Parameter.empty or (isinstance(value, keras.layers.Layer) and value is not given.get(name)):
        # No attribute, or one that was made of the argument, as in `self.dropout = keras.layers.Dropout(dropout)`.
        return _plain(given.get(name, parameter.default))
    return value


def _further(kind: type, args: Sequence[Any]) -> dict[str, Any]:
    """Names of the arguments behind the constructor's own: those of the next constructor, which `*args` is given to."""
    if not args:
        return {}
    later = kind.__mro__[next(at for at, base in enumerate(kind.__mro__) if "__init__" in vars(base)) + 1 :]
    following = next(base for base in later if "__init__" in vars(base))
    names = [one.name for one in _parameters(following) if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    return dict(zip(names, args, strict=False))


def _plain(value: Any) -> Any:
    if isinstance(value, keras.DTypePolicy):
        return keras.dtype_policies.serialize(value)
    return value.item() if isinstance(value, np.generic) else value


def _takes_any(parameters: Sequence[inspect.Parameter]) -> bool:
    return any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)


def _parameters(kind: type) -> list[inspect.Parameter]:
    return list(inspect.signature(kind.__init__).parameters.values())[1:]
